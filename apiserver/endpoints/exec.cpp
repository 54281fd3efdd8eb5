#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/request/status.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;

namespace {

// The client's options in the kubelet's words. Source: pkg/registry/core/pod (streamParams).
Result<std::string> ExecTarget(const Pod& pod, const std::string& container, const Query& query) {
  struct Stream {
    const char* asked;
    const char* told;
  };
  std::string parameters;
  for (Stream stream : {Stream{"stdin", "input"}, Stream{"stdout", "output"},
                        Stream{"stderr", "error"}, Stream{"tty", "tty"}}) {
    if (query.Bool(stream.asked)) parameters += "&" + std::string(stream.told) + "=1";
  }
  if (!query.Bool("stdin") && !query.Bool("stdout") && !query.Bool("stderr")) {
    return BadRequestError("you must specify at least 1 of stdin, stdout, stderr");
  }
  std::vector<std::string> command = query.All("command");
  if (command.empty()) {
    return BadRequestError("you must specify at least one command for the container");
  }
  for (const std::string& word : command) parameters += "&command=" + http::PercentEncode(word);
  return KubeletPath("exec", pod, container) + "?" + parameters.substr(1);
}

// The fields that make an upgrade, handed on as they came.
void CopyUpgradeFields(const http::Headers& from, http::Headers& to) {
  for (const auto& [name, value] : from.all()) {
    std::string lower = name;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    bool wanted = lower == "connection" || lower == "upgrade" ||
                  lower == "x-stream-protocol-version" || lower.starts_with("sec-websocket-");
    if (wanted) to.Add(name, value);
  }
}

}  // namespace

// The conversation is between the client and the agent: the agent's upgrade takes the connection.
Reply Exec(Environment& environment, const Resource& resource, ApiRequest& request) {
  auto object = environment.store.Get(resource, request.info.ns, request.info.name);
  if (!object) co_return NotFoundError(resource.name(), request.info.name);
  CO_TRY(auto message, object->message());
  const auto& pod = registry::Typed<Pod>(*message);
  CO_TRY(std::string container, ContainerOf(pod, request.query.Get("container")));
  CO_TRY(std::string target, ExecTarget(pod, container, request.query));
  if (pod.spec().nodename().empty()) {
    co_return BadRequestError("pod " + pod.metadata().name() + " does not have a host assigned");
  }
  if (!request.http.headers.Has("Upgrade")) {
    co_return BadRequestError("Upgrade request required");
  }
  CO_TRY(http::RoundTripper * agent, AgentOf(environment, pod));
  http::Request ask = AgentRequest(request.http.method, std::move(target));
  CopyUpgradeFields(request.http.headers, ask.headers);
  auto asking = agent->RoundTrip(std::move(ask), true);
  CO_TRY(http::Response answer, co_await std::move(asking));
  if (answer.status >= 300) {
    auto reading = AgentError(std::move(answer));
    co_return co_await std::move(reading);
  }
  if (!answer.upgrade) {
    co_return MakeError(Reason::kServiceUnavailable,
                        "the agent of node \"" + pod.spec().nodename() +
                            "\" runs in another process, to which exec is not carried yet");
  }
  co_return answer;
}

}  // namespace wherry::apiserver::endpoints
