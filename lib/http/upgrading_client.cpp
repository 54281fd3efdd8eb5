#include "lib/http/upgrading_client.h"

#include "lib/http/bearer_token.h"
#include "lib/http/client_stream.h"
#include "lib/http/relay.h"
#include "lib/http/response_parser.h"
#include "lib/loop/with_timeout.h"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace wherry::http {
namespace {

// From the first packet to the response's head.
constexpr std::chrono::seconds kUpgradeTimeout{30};

// "https://10.0.0.1:10250/exec", taken apart.
struct Target {
  bool tls = false;
  std::string host;
  uint16_t port = 0;
  std::string authority;  // "10.0.0.1:10250"
  std::string path;       // with the query
};

Result<Target> ParseTarget(std::string_view url) {
  Target target;
  target.tls = url.starts_with("https://");
  if (!target.tls && !url.starts_with("http://")) {
    return MakeError(Reason::kBadRequest, "'" + std::string(url) + "' is no URL");
  }
  url.remove_prefix(target.tls ? 8 : 7);
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  target.authority = url.substr(0, end);
  target.path = url.substr(end);
  if (!target.path.starts_with('/')) target.path.insert(0, "/");
  target.port = target.tls ? 443 : 80;
  target.host = target.authority;
  const size_t colon = target.authority.rfind(':');
  if (colon != std::string::npos && !target.authority.ends_with(']')) {
    target.host = target.authority.substr(0, colon);
    const char* text = target.authority.c_str() + colon + 1;
    const char* stop = target.authority.c_str() + target.authority.size();
    const auto [last, error] = std::from_chars(text, stop, target.port);
    if (error != std::errc() || last != stop) {
      return MakeError(Reason::kBadRequest, "'" + target.authority + "' has no port number");
    }
  }
  if (target.host.starts_with('[') && target.host.ends_with(']')) {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  return target;
}

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Result<std::string> RequestText(const Request& request, const Target& target) {
  if (HasLineBreak(request.method) || target.path.find(' ') != std::string::npos ||
      HasLineBreak(target.path)) {
    return MakeError(Reason::kBadRequest, "a request line with spaces or line breaks");
  }
  std::string text = request.method + " " + target.path + " HTTP/1.1\r\n";
  if (!request.headers.Has("Host")) text += "Host: " + target.authority + "\r\n";
  for (const auto& [name, value] : request.headers.all()) {
    if (!HasLineBreak(name) && !HasLineBreak(value)) text += name + ": " + value + "\r\n";
  }
  if (request.method != "GET" || !request.body.empty()) {
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return text + "\r\n" + request.body;
}

struct Answer {
  Response response;
  std::string rest;
};

Task<Result<Answer>> Exchange(ByteStream& stream, std::string request) {
  auto writing = stream.Write(std::move(request));
  CO_TRY_STATUS(co_await std::move(writing));
  ResponseParser parser{ResponseParser::Limits()};
  while (!parser.done()) {
    auto reading = stream.Read();
    CO_TRY(std::string bytes, co_await std::move(reading));
    auto fed = bytes.empty() ? parser.FeedEnd() : parser.Feed(bytes);
    CO_TRY_STATUS(std::move(fed));
  }
  co_return Answer{parser.Take(), std::move(parser.rest())};
}

struct Opened {
  std::unique_ptr<ClientStream> stream;
  Answer answer;
};

Task<Result<Opened>> Open(Loop& loop, Target target, std::optional<TlsClientConfig> tls,
                          std::string request) {
  auto connecting = ClientStream::Connect(loop, target.host, target.port, std::move(tls));
  Opened opened;
  CO_TRY(opened.stream, co_await std::move(connecting));
  auto exchanging = Exchange(*opened.stream, std::move(request));
  CO_TRY(opened.answer, co_await std::move(exchanging));
  co_return opened;
}

}  // namespace

UpgradingClient::UpgradingClient(Loop& loop, CurlClient::Options options)
    : loop_(loop), options_(options), curl_(loop, std::move(options)) {}

Task<Result<Response>> UpgradingClient::RoundTrip(Request request, bool stream_body) {
  if (request.headers.Has("Upgrade")) return Upgrade(std::move(request));
  return curl_.RoundTrip(std::move(request), stream_body);
}

Task<Result<Response>> UpgradingClient::Upgrade(Request request) {
  const bool absolute = !request.target.starts_with('/');
  CO_TRY(Target target,
         ParseTarget(absolute ? request.target : options_.base_url + request.target));
  const std::string token = BearerTokenOf(options_);
  if (!token.empty() && !request.headers.Has("Authorization")) {
    request.headers.Set("Authorization", "Bearer " + token);
  }
  CO_TRY(std::string text, RequestText(request, target));
  std::optional<TlsClientConfig> tls;
  if (target.tls) tls = options_.tls;
  auto opening = Open(loop_, std::move(target), std::move(tls), std::move(text));
  auto bounded = WithTimeout(loop_, kUpgradeTimeout, std::move(opening));
  CO_TRY(Opened opened, co_await std::move(bounded));
  Response response = std::move(opened.answer.response);
  if (response.status == 101) {
    response.upgrade =
        std::make_unique<Relay>(loop_, std::move(opened.stream), std::move(opened.answer.rest));
  }
  co_return response;
}

}  // namespace wherry::http
