#include "apiserver/endpoints/pod_agent.h"

#include "apiserver/nodeconnect/node_connections.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

template <typename Containers>
std::string Names(const Containers& containers) {
  std::string names;
  for (const auto& container : containers) {
    if (!names.empty()) names += ' ';
    names += container.name();
  }
  return "[" + names + "]";
}

template <typename Containers>
bool Contains(const Containers& containers, std::string_view name) {
  for (const auto& container : containers) {
    if (container.name() == name) return true;
  }
  return false;
}

}  // namespace

Result<std::string> ContainerOf(const Pod& pod, std::string_view asked) {
  const auto& spec = pod.spec();
  const std::string& name = pod.metadata().name();
  if (asked.empty()) {
    if (spec.containers_size() == 1) return spec.containers(0).name();
    std::string message = "a container name must be specified for pod " + name;
    if (spec.containers_size() > 0) message += ", choose one of: " + Names(spec.containers());
    if (spec.initcontainers_size() > 0) {
      message += " or one of the init containers: " + Names(spec.initcontainers());
    }
    return BadRequestError(message);
  }
  bool known = Contains(spec.containers(), asked) || Contains(spec.initcontainers(), asked);
  for (const auto& container : spec.ephemeralcontainers()) {
    known = known || container.ephemeralcontainercommon().name() == asked;
  }
  if (!known) {
    return BadRequestError("container " + std::string(asked) + " is not valid for pod " + name);
  }
  return std::string(asked);
}

std::string KubeletPath(std::string_view verb, const Pod& pod, const std::string& container) {
  return "/" + std::string(verb) + "/" + http::PercentEncode(pod.metadata().namespace_()) + "/" +
         http::PercentEncode(pod.metadata().name()) + "/" + http::PercentEncode(container);
}

Result<NodeAddress> AddressOfNode(Environment& environment, std::string_view node_name) {
  const Resource* nodes = environment.store.resources().Find(api::KindOf<Node>());
  auto object = environment.store.Get(*nodes, "", node_name);
  if (!object) return NotFoundError(nodes->name(), node_name);
  TRY(auto message, object->message());
  const auto& node = registry::Typed<Node>(*message);
  NodeAddress address;
  for (const auto& one : node.status().addresses()) {
    if (one.type() == "InternalIP" && address.ip.empty()) address.ip = one.address();
  }
  address.kubelet_port = node.status().daemonendpoints().kubeletendpoint().port();
  return address;
}

Result<std::shared_ptr<http::RoundTripper>> AgentOf(Environment& environment,
                                                    const std::string& node_name) {
  if (environment.nodes == nullptr) {
    return MakeError(Reason::kServiceUnavailable, "this server has no connections to nodes");
  }
  auto address = AddressOfNode(environment, node_name);
  if (!address.ok() && address.error().reason != Reason::kNotFound) return address.error();
  // An agent in this process is there even when its Node is not.
  NodeAddress known = address.ok() ? *address : NodeAddress();
  return environment.nodes->For(node_name, known.ip, known.kubelet_port);
}

http::Request AgentRequest(std::string method, std::string target) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  // For an agent in this process; one elsewhere sees the client certificate.
  request.authenticated_user =
      http::UserInfo{.name = "kube-apiserver-kubelet-client", .groups = {"system:masters"}};
  return request;
}

Task<Error> AgentError(http::Response response) {
  constexpr size_t kTextMax = 2048;
  std::string text = response.shared_body ? *response.shared_body : response.body;
  while (response.stream && text.size() < kTextMax) {
    auto reading = response.stream->Next();
    auto chunk = co_await std::move(reading);
    if (!chunk.ok() || !chunk->has_value()) break;
    if ((*chunk)->bytes) text += *(*chunk)->bytes;
  }
  while (text.ends_with('\n')) text.pop_back();
  Reason reason = Reason::kInternalError;
  if (response.status == 400) reason = Reason::kBadRequest;
  if (response.status == 404) reason = Reason::kNotFound;
  co_return MakeError(reason, std::move(text));
}

}  // namespace wherry::apiserver::endpoints
