#include "apiserver/endpoints/agent_upgrade.h"
#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/request/status.h"
#include "proto/api/core/v1.pb.h"

// pods/exec, pods/attach and pods/portforward: conversations between the client and the agent.
// Source: pkg/registry/core/pod (ExecLocation, AttachLocation, PortForwardLocation).
namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;

namespace {

// The client's options in the kubelet's words, each behind a '&'. Source: streamParams.
Result<std::string> StreamParameters(const Query& query) {
  struct Stream {
    const char* asked;
    const char* told;
  };
  if (!query.Bool("stdin") && !query.Bool("stdout") && !query.Bool("stderr")) {
    return BadRequestError("you must specify at least 1 of stdin, stdout, stderr");
  }
  std::string parameters;
  for (Stream stream : {Stream{"stdin", "input"}, Stream{"stdout", "output"},
                        Stream{"stderr", "error"}, Stream{"tty", "tty"}}) {
    if (query.Bool(stream.asked)) parameters += "&" + std::string(stream.told) + "=1";
  }
  return parameters;
}

Result<std::string> ExecTarget(const Pod& pod, const Query& query) {
  TRY(std::string container, ContainerOf(pod, query.Get("container")));
  TRY(std::string parameters, StreamParameters(query));
  std::vector<std::string> command = query.All("command");
  if (command.empty()) {
    return BadRequestError("you must specify at least one command for the container");
  }
  for (const std::string& word : command) parameters += "&command=" + http::PercentEncode(word);
  return KubeletPath("exec", pod, container) + "?" + parameters.substr(1);
}

Result<std::string> AttachTarget(const Pod& pod, const Query& query) {
  TRY(std::string container, ContainerOf(pod, query.Get("container")));
  TRY(std::string parameters, StreamParameters(query));
  return KubeletPath("attach", pod, container) + "?" + parameters.substr(1);
}

Result<std::string> PortForwardTarget(const Pod& pod, const Query& query) {
  std::string target = KubeletPath("portForward", pod, "");
  target.pop_back();  // there is no container
  std::string ports;
  for (const std::string& port : query.All("ports")) ports += (ports.empty() ? "" : ",") + port;
  return ports.empty() ? target : target + "?port=" + http::PercentEncode(ports);
}

using TargetOf = Result<std::string> (*)(const Pod&, const Query&);

Reply Converse(Environment& environment, const Resource& resource, ApiRequest& request,
               TargetOf target_of) {
  auto object = environment.store.Get(resource, request.info.ns, request.info.name);
  if (!object) co_return NotFoundError(resource.name(), request.info.name);
  CO_TRY(auto message, object->message());
  const auto& pod = registry::Typed<Pod>(*message);
  CO_TRY(std::string target, target_of(pod, request.query));
  if (pod.spec().nodename().empty()) {
    co_return BadRequestError("pod " + pod.metadata().name() + " does not have a host assigned");
  }
  auto upgrading = UpgradeAtAgent(environment, request, pod.spec().nodename(), std::move(target));
  co_return co_await std::move(upgrading);
}

}  // namespace

Reply Exec(Environment& environment, const Resource& resource, ApiRequest& request) {
  return Converse(environment, resource, request, ExecTarget);
}

Reply Attach(Environment& environment, const Resource& resource, ApiRequest& request) {
  return Converse(environment, resource, request, AttachTarget);
}

Reply PortForward(Environment& environment, const Resource& resource, ApiRequest& request) {
  return Converse(environment, resource, request, PortForwardTarget);
}

}  // namespace wherry::apiserver::endpoints
