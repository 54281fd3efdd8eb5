#include "controllers/endpointslice/endpoint.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/service_pods.h"
#include "lib/api/codec.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::endpointslice {
namespace {

constexpr char kZone[] = "topology.kubernetes.io/zone";

}  // namespace

std::vector<std::string> AddressTypes(const corev1::Service& service) {
  std::vector<std::string> types(service.spec().ipfamilies().begin(),
                                 service.spec().ipfamilies().end());
  if (!types.empty()) return types;
  if (IsHeadless(service)) return {"IPv4", "IPv6"};
  return {api::IsIPv6(service.spec().clusterip()) ? "IPv6" : "IPv4"};
}

discoveryv1::Endpoint MakeEndpoint(const corev1::Pod& pod, const corev1::Node* node,
                                   const corev1::Service& service,
                                   const std::string& address_type) {
  discoveryv1::Endpoint endpoint;
  for (const auto& address : pod.status().podips()) {
    if (api::IsIPv6(address.ip()) == (address_type == "IPv6")) endpoint.add_addresses(address.ip());
  }
  if (endpoint.addresses().empty() && !pod.status().podip().empty() &&
      api::IsIPv6(pod.status().podip()) == (address_type == "IPv6"))
    endpoint.add_addresses(pod.status().podip());

  const bool serving = IsPodReady(pod);
  const bool terminating = IsBeingDeleted(pod.metadata());
  auto* conditions = endpoint.mutable_conditions();
  conditions->set_ready(service.spec().publishnotreadyaddresses() || (serving && !terminating));
  conditions->set_serving(serving);
  conditions->set_terminating(terminating);

  auto* target = endpoint.mutable_targetref();
  target->set_kind("Pod");
  target->set_namespace_(pod.metadata().namespace_());
  target->set_name(pod.metadata().name());
  target->set_uid(pod.metadata().uid());
  if (!pod.spec().nodename().empty()) endpoint.set_nodename(pod.spec().nodename());
  if (node != nullptr) {
    const auto zone = node->metadata().labels().find(kZone);
    if (zone != node->metadata().labels().end() && !zone->second.empty())
      endpoint.set_zone(zone->second);
  }
  if (ShouldSetHostname(pod, service)) endpoint.set_hostname(pod.spec().hostname());
  return endpoint;
}

std::vector<discoveryv1::EndpointPort> MakePorts(const corev1::Service& service,
                                                 const corev1::Pod& pod) {
  std::vector<discoveryv1::EndpointPort> ports;
  for (const auto& service_port : service.spec().ports()) {
    const auto number = FindPort(pod, service_port);
    if (!number) continue;
    auto& port = ports.emplace_back();
    port.set_name(service_port.name());
    port.set_port(*number);
    port.set_protocol(service_port.protocol());
    if (service_port.has_appprotocol()) port.set_appprotocol(service_port.appprotocol());
  }
  return ports;
}

std::string IdentityOf(const discoveryv1::Endpoint& endpoint) {
  std::vector<std::string> addresses(endpoint.addresses().begin(), endpoint.addresses().end());
  std::sort(addresses.begin(), addresses.end());
  std::string identity;
  for (const auto& address : addresses) identity += address + ",";
  const auto& target = endpoint.targetref();
  return identity + "|" + endpoint.hostname() + "|" + target.kind() + "/" + target.namespace_() +
         "/" + target.name() + "/" + target.uid();
}

bool SameEndpoint(const discoveryv1::Endpoint& left, const discoveryv1::Endpoint& right) {
  return api::ToJson(left) == api::ToJson(right);
}

template <typename Ports>
std::string PortsKey(const Ports& ports) {
  std::vector<std::string> parts;
  for (const discoveryv1::EndpointPort& port : ports)
    parts.push_back(port.name() + "/" + port.protocol() + "/" + std::to_string(port.port()) + "/" +
                    port.appprotocol());
  std::sort(parts.begin(), parts.end());
  std::string key;
  for (const auto& part : parts) key += part + ";";
  return key;
}

template std::string PortsKey(const std::vector<discoveryv1::EndpointPort>& ports);
template std::string PortsKey(
    const google::protobuf::RepeatedPtrField<discoveryv1::EndpointPort>& ports);

}  // namespace wherry::controllers::endpointslice
