#include "nodeagent/probes/prober.h"

#include "lib/loop/with_timeout.h"
#include "nodeagent/probes/grpc_health.h"

#include <utility>

namespace wherry::nodeagent::probes {

namespace {

constexpr int kRedirectsMax = 10;
constexpr size_t kOutputBytesMax = 10 * 1024;

std::string Authority(const std::string& host, int port) {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string Url(const HttpTarget& target) {
  return (target.https ? "https://" : "http://") + Authority(target.host, target.port) +
         target.path;
}

http::Request MakeRequest(const HttpTarget& target) {
  http::Request request;
  request.method = "GET";
  request.target = Url(target);
  bool has_agent = false;
  bool has_accept = false;
  for (const auto& [name, value] : target.headers) {
    request.headers.Add(name, value);
    has_agent = has_agent || request.headers.Has("User-Agent");
    has_accept = has_accept || request.headers.Has("Accept");
  }
  if (!has_agent) request.headers.Set("User-Agent", "kube-probe/1.28");
  if (!has_accept) request.headers.Set("Accept", "*/*");
  return request;
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The next target, or nullopt when `location` leads to another host.
std::optional<HttpTarget> Follow(const HttpTarget& target, std::string location) {
  HttpTarget next = target;
  if (location.starts_with("//")) location = (target.https ? "https:" : "http:") + location;
  const bool https = location.starts_with("https://");
  if (https || location.starts_with("http://")) {
    next.https = https;
    location = location.substr(https ? 8 : 7);
    const size_t slash = location.find_first_of("/?");
    const std::string authority = location.substr(0, slash);
    next.path = slash == std::string::npos ? "/" : location.substr(slash);
    const size_t bracket = authority.find(']');
    const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
    std::string host = authority.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    next.port = colon == std::string::npos ? (https ? 443 : 80)
                                           : std::atoi(authority.substr(colon + 1).c_str());
    if (host != target.host) return std::nullopt;
  } else if (location.starts_with('/')) {
    next.path = location;
  } else {
    next.path = target.path.substr(0, target.path.rfind('/') + 1) + location;
  }
  if (!next.path.starts_with('/')) next.path.insert(0, "/");
  return next;
}

// The answer with the beginning of its body; nobody waits for the rest.
Task<Result<http::Response>> AskForBeginning(http::RoundTripper& transport, http::Request request) {
  auto asking = transport.RoundTrip(std::move(request), true);
  CO_TRY(http::Response response, co_await std::move(asking));
  if (response.stream) {
    while (response.body.size() < kOutputBytesMax) {
      auto pulling = response.stream->Next();
      CO_TRY(auto chunk, co_await std::move(pulling));
      if (!chunk) break;
      if (chunk->bytes) response.body += *chunk->bytes;
    }
    response.stream.reset();
  }
  if (response.body.size() > kOutputBytesMax) response.body.resize(kOutputBytesMax);
  co_return response;
}

}  // namespace

Task<ProbeReply> Prober::Ask(ProbeTarget target, runtime::PodUid uid, std::string container,
                             std::chrono::nanoseconds timeout) {
  if (auto* http = std::get_if<HttpTarget>(&target)) {
    auto reply = co_await AskHttp(std::move(*http), timeout);
    co_return reply;
  }
  if (auto* tcp = std::get_if<TcpTarget>(&target)) {
    auto reply = co_await AskTcp(std::move(*tcp), timeout);
    co_return reply;
  }
  if (auto* exec = std::get_if<ExecTarget>(&target)) {
    auto reply = co_await AskExec(std::move(*exec), std::move(uid), std::move(container), timeout);
    co_return reply;
  }
  auto reply = co_await AskGrpc(std::move(std::get<GrpcTarget>(target)), timeout);
  co_return reply;
}

Task<ProbeReply> Prober::AskGrpc(GrpcTarget target, std::chrono::nanoseconds timeout) {
  const std::string address = Authority(target.host, target.port);
  auto question = grpc_.RoundTrip(HealthCheckRequest("http://" + address, target.service), false);
  auto asked = WithTimeout<http::Response>(world_.loop, timeout, std::move(question));
  auto response = co_await std::move(asked);
  if (response.ok()) {
    HealthAnswer answer = ReadHealthAnswer(*response);
    co_return ProbeReply{.outcome = answer.serving ? Outcome::kSuccess : Outcome::kFailure,
                         .output = std::move(answer.text)};
  }
  ProbeReply reply{.outcome = Outcome::kFailure};
  if (response.error().reason == Reason::kTimeout) {
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    reply.output = "timeout: failed to connect service \"" + address + "\" within " +
                   std::to_string(limit.count()) + "s: context deadline exceeded";
  } else {
    reply.output =
        "error: failed to connect service at \"" + address + "\": " + response.error().message;
  }
  co_return reply;
}

Task<ProbeReply> Prober::AskHttp(HttpTarget target, std::chrono::nanoseconds timeout) {
  const MonotonicTime deadline =
      world_.loop.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(timeout);
  const std::string first_url = Url(target);
  for (int redirects = 0;; ++redirects) {
    const auto left = deadline - world_.loop.MonotonicNow();
    auto question = AskForBeginning(http_, MakeRequest(target));
    auto asked = WithTimeout<http::Response>(world_.loop, left, std::move(question));
    auto response = co_await std::move(asked);
    if (!response.ok()) {
      const bool late = response.error().reason == Reason::kTimeout;
      std::string why = late ? "context deadline exceeded (Client.Timeout exceeded while awaiting "
                               "headers)"
                             : response.error().message;
      co_return ProbeReply{.outcome = Outcome::kFailure,
                           .output = "Get \"" + first_url + "\": " + why};
    }
    const int status = response->status;
    const std::string location(response->headers.Get("Location"));
    if (IsRedirect(status) && !location.empty()) {
      if (redirects == kRedirectsMax)
        co_return ProbeReply{.outcome = Outcome::kFailure,
                             .output = "Get \"" + first_url + "\": stopped after 10 redirects"};
      std::optional<HttpTarget> next = Follow(target, location);
      if (!next)
        co_return ProbeReply{
            .outcome = Outcome::kSuccess,
            .output = "Probe terminated redirects, Response body: " + response->body,
            .warning = true};
      target = std::move(*next);
      continue;
    }
    if (status >= 200 && status < 400) co_return ProbeReply{.outcome = Outcome::kSuccess};
    co_return ProbeReply{.outcome = Outcome::kFailure,
                         .output = "HTTP probe failed with statuscode: " + std::to_string(status)};
  }
}

Task<ProbeReply> Prober::AskTcp(TcpTarget target, std::chrono::nanoseconds timeout) {
  const std::string address = target.host + ":" + std::to_string(target.port);
  auto dial = tcp_.Dial(target.host, target.port);
  auto dialled = WithTimeout<Unit>(world_.loop, timeout, std::move(dial));
  auto status = co_await std::move(dialled);
  if (status.ok()) co_return ProbeReply{.outcome = Outcome::kSuccess};
  std::string why = status.error().message;
  if (status.error().reason == Reason::kTimeout) why = "dial tcp " + address + ": i/o timeout";
  co_return ProbeReply{.outcome = Outcome::kFailure, .output = std::move(why)};
}

Task<ProbeReply> Prober::AskExec(ExecTarget target, runtime::PodUid uid, std::string container,
                                 std::chrono::nanoseconds timeout) {
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
  auto result = co_await runtime_.ExecSync(std::move(uid), std::move(container),
                                           std::move(target.command), limit);
  if (!result.ok()) {
    if (result.error().reason == Reason::kTimeout) {
      std::string seconds = std::to_string(limit.count() / 1000);
      co_return ProbeReply{.outcome = Outcome::kFailure,
                           .output = "command timed out after " + seconds + "s"};
    }
    co_return ProbeReply{.outcome = Outcome::kUnknown, .output = result.error().message};
  }
  std::string output = std::move(result->output);
  if (output.size() > kOutputBytesMax) output.resize(kOutputBytesMax);
  const Outcome outcome = result->exit_code == 0 ? Outcome::kSuccess : Outcome::kFailure;
  co_return ProbeReply{.outcome = outcome, .output = std::move(output)};
}

Task<Status> Prober::HttpGet(HttpTarget target, std::chrono::nanoseconds timeout) {
  auto reply = co_await AskHttp(std::move(target), timeout);
  if (reply.outcome == Outcome::kSuccess) co_return Ok();
  co_return MakeError(Reason::kInternalError, reply.output);
}

}  // namespace wherry::nodeagent::probes
