#include "apiserver/endpoints/proxy_target.h"

#include "apiserver/endpoints/pod_agent.h"
#include "apiserver/nodeconnect/node_connections.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace wherry::apiserver::endpoints {

namespace core = api::core::v1;

namespace {

Error Unavailable(const std::string& message) {
  return MakeError(Reason::kServiceUnavailable, message);
}

std::optional<int32_t> PortNumber(std::string_view text) {
  int32_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port > 0 && port <= 65535 ? std::optional<int32_t>(port) : std::nullopt;
}

Result<ProxyTarget> TargetAt(Environment& environment, const std::string& scheme,
                             const std::string& ip, const std::string& port) {
  if (!IsProxyableAddress(ip)) return BadRequestError("address not allowed");
  if (environment.nodes == nullptr) return Unavailable("this server has no connections to pods");
  ProxyTarget target;
  target.transport = &environment.nodes->Proxied();
  target.authority = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  if (!port.empty()) target.authority += ":" + port;
  target.origin = (scheme.empty() ? "http" : scheme) + "://" + target.authority;
  return target;
}

template <typename T>
Result<std::shared_ptr<const google::protobuf::Message>> Find(Environment& environment,
                                                              std::string_view ns,
                                                              std::string_view name) {
  const Resource* resource = environment.store.resources().Find(api::KindOf<T>());
  auto object = environment.store.Get(*resource, ns, name);
  if (!object) return NotFoundError(resource->name(), name);
  return object->message();
}

Result<ProxyTarget> PodTarget(Environment& environment, std::string_view ns,
                              const ProxyName& name) {
  TRY(auto message, Find<core::Pod>(environment, ns, name.name));
  const auto& pod = registry::Typed<core::Pod>(*message);
  std::string port = name.port;
  if (!port.empty() && !PortNumber(port)) {
    return BadRequestError("invalid pod request \"" + name.name + ":" + port +
                           "\": the port must be a number");
  }
  for (const auto& container : pod.spec().containers()) {
    if (!port.empty()) break;
    if (container.ports_size() > 0) port = std::to_string(container.ports(0).containerport());
  }
  return TargetAt(environment, name.scheme, pod.status().podip(), port);
}

// Only addresses that are a pod's, by the pod's own word: an endpoint that somebody made up must
// not lead into other networks.
bool IsOfPod(Environment& environment, std::string_view ns, const core::EndpointAddress& address) {
  const auto& target = address.targetref();
  if (!address.has_targetref() || target.namespace_() != ns) return false;
  auto message = Find<core::Pod>(environment, ns, target.name());
  if (!message.ok()) return false;
  for (const auto& ip : registry::Typed<core::Pod>(**message).status().podips()) {
    if (ip.ip() == address.ip()) return true;
  }
  return false;
}

// The name of the service's port with this number.
Result<std::string> PortName(Environment& environment, std::string_view ns, const ProxyName& name,
                             int32_t number) {
  TRY(auto message, Find<core::Service>(environment, ns, name.name));
  for (const auto& port : registry::Typed<core::Service>(*message).spec().ports()) {
    if (port.port() == number) return port.name();
  }
  return Unavailable("no service port " + name.port + " found for service \"" + name.name + "\"");
}

Result<ProxyTarget> ServiceTarget(Environment& environment, std::string_view ns,
                                  const ProxyName& name) {
  std::string port_name = name.port;
  if (auto number = PortNumber(name.port)) {
    TRY(port_name, PortName(environment, ns, name, *number));
  }
  TRY(auto message, Find<core::Endpoints>(environment, ns, name.name));
  std::vector<std::pair<const core::EndpointAddress*, int32_t>> choices;
  for (const auto& subset : registry::Typed<core::Endpoints>(*message).subsets()) {
    for (const auto& port : subset.ports()) {
      if (port.name() != port_name) continue;
      for (const auto& address : subset.addresses()) choices.emplace_back(&address, port.port());
    }
  }
  // Looking at a pod costs; so one after the other until one fits.
  while (!choices.empty()) {
    const size_t pick = environment.world.random.Below(choices.size());
    const auto [address, port] = choices[pick];
    if (IsOfPod(environment, ns, *address)) {
      return TargetAt(environment, name.scheme, address->ip(), std::to_string(port));
    }
    choices.erase(choices.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return Unavailable("no endpoints available for service \"" + name.name + "\"");
}

Result<ProxyTarget> NodeTarget(Environment& environment, const ProxyName& name) {
  TRY(NodeAddress node, AddressOfNode(environment, name.name));
  const std::string kubelet_port = std::to_string(node.kubelet_port);
  if (!name.port.empty() && name.port != kubelet_port) {
    if (!PortNumber(name.port)) {
      return BadRequestError("invalid node request \"" + name.name + ":" + name.port + "\"");
    }
    return TargetAt(environment, name.scheme, node.ip, name.port);
  }
  TRY(std::shared_ptr<http::RoundTripper> agent, AgentOf(environment, name.name));
  ProxyTarget target;
  target.transport = agent.get();
  target.agent = std::move(agent);
  target.authority = node.ip + ":" + kubelet_port;
  target.is_agent = true;
  return target;
}

}  // namespace

bool IsProxyableAddress(const std::string& ip) {
  in_addr v4{};
  if (::inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    const uint32_t address = ntohl(v4.s_addr);
    const uint32_t first = address >> 24;
    return first != 0 && first != 127 && first < 224 && (address >> 16) != 0xa9fe;
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, ip.c_str(), &v6) != 1) return false;
  return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_LOOPBACK(&v6) &&
         !IN6_IS_ADDR_LINKLOCAL(&v6) && !IN6_IS_ADDR_MULTICAST(&v6) && !IN6_IS_ADDR_V4MAPPED(&v6) &&
         !IN6_IS_ADDR_V4COMPAT(&v6);
}

Result<ProxyName> ParseProxyName(std::string_view text, std::string_view kind) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  ProxyName parsed;
  if (parts.size() == 3) {
    parsed.scheme = parts[0];
    parts.erase(parts.begin());
  }
  parsed.name = parts[0];
  if (parts.size() == 2) parsed.port = parts[1];
  bool known_scheme = parsed.scheme.empty() || parsed.scheme == "http" || parsed.scheme == "https";
  if (parts.size() > 2 || parsed.name.empty() || !known_scheme) {
    return BadRequestError("invalid " + std::string(kind) + " request \"" + std::string(text) +
                           "\"");
  }
  return parsed;
}

Result<ProxyTarget> FindProxyTarget(Environment& environment, const Resource& resource,
                                    std::string_view ns, std::string_view name) {
  TRY(ProxyName parsed, ParseProxyName(name, resource.kind->singular));
  if (resource.kind->plural == "pods") return PodTarget(environment, ns, parsed);
  if (resource.kind->plural == "services") return ServiceTarget(environment, ns, parsed);
  return NodeTarget(environment, parsed);
}

}  // namespace wherry::apiserver::endpoints
