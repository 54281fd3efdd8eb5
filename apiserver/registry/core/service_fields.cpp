#include "apiserver/registry/core/service_fields.h"

#include "lib/api/intstr.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace wherry::apiserver::registry {

using api::core::v1::Service;
using api::core::v1::ServiceSpec;

bool NeedsClusterIP(const Service& service) { return service.spec().type() != "ExternalName"; }

bool NeedsNodePort(const Service& service) {
  return service.spec().type() == "NodePort" || service.spec().type() == "LoadBalancer";
}

bool NeedsHealthCheckNodePort(const Service& service) {
  return service.spec().type() == "LoadBalancer" &&
         service.spec().externaltrafficpolicy() == "Local";
}

bool NeedsExternalTrafficPolicy(const Service& service) { return NeedsNodePort(service); }

bool IsHeadless(const Service& service) {
  const ServiceSpec& spec = service.spec();
  return spec.clusterips_size() == 1 && spec.clusterips(0) == "None";
}

namespace {

constexpr int32_t kClientIPAffinitySeconds = 10800;

void DefaultAffinity(ServiceSpec& spec) {
  if (spec.sessionaffinity() == "None") spec.clear_sessionaffinityconfig();
  if (spec.sessionaffinity() != "ClientIP") return;
  auto& client_ip = *spec.mutable_sessionaffinityconfig()->mutable_clientip();
  if (!client_ip.has_timeoutseconds()) client_ip.set_timeoutseconds(kClientIPAffinitySeconds);
}

bool IsUnset(const api::meta::v1::IntOrString& value) {
  return api::IsString(value) ? value.strval().empty() : value.intval() == 0;
}

template <typename List>
bool SameList(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool SameClusterIPs(const ServiceSpec& a, const ServiceSpec& b) {
  return SameList(a.clusterips(), b.clusterips());
}

std::set<int32_t> NodePorts(const ServiceSpec& spec) {
  std::set<int32_t> ports;
  for (const auto& port : spec.ports()) {
    if (port.nodeport() != 0) ports.insert(port.nodeport());
  }
  return ports;
}

// Ports are known by name: the client may have changed everything else about them.
void KeepNodePorts(ServiceSpec& spec, const ServiceSpec& old) {
  std::set<int32_t> before = NodePorts(old);
  std::set<int32_t> now = NodePorts(spec);
  std::map<std::string, int32_t> by_name;
  for (const auto& port : old.ports()) by_name[port.name()] = port.nodeport();
  for (auto& port : *spec.mutable_ports()) {
    if (port.nodeport() != 0) continue;
    auto found = by_name.find(port.name());
    if (found == by_name.end() || found->second == 0) continue;
    if (before.contains(found->second) && now.contains(found->second)) continue;
    port.set_nodeport(found->second);
  }
}

void KeepAllocated(Service& service, const Service& old) {
  ServiceSpec& spec = *service.mutable_spec();
  if (NeedsClusterIP(old) && NeedsClusterIP(service)) {
    if (spec.clusterip().empty()) spec.set_clusterip(old.spec().clusterip());
    if (spec.clusterips_size() == 0) *spec.mutable_clusterips() = old.spec().clusterips();
  }
  if (NeedsNodePort(old) && NeedsNodePort(service)) KeepNodePorts(spec, old.spec());
  if (NeedsHealthCheckNodePort(old) && NeedsHealthCheckNodePort(service) &&
      spec.healthchecknodeport() == 0 && old.spec().healthchecknodeport() != 0) {
    spec.set_healthchecknodeport(old.spec().healthchecknodeport());
  }
}

void BringClusterIPsTogether(ServiceSpec& spec, const ServiceSpec& old) {
  bool same_ip = spec.clusterip() == old.clusterip();
  if (old.clusterips_size() > 0 && spec.clusterips_size() == 0 && same_ip) {
    *spec.mutable_clusterips() = old.clusterips();
  }
  if (same_ip || !SameClusterIPs(spec, old)) return;
  spec.clear_clusterips();
  if (!spec.clusterip().empty()) spec.add_clusterips(spec.clusterip());
}

void DropAddresses(ServiceSpec& spec, const ServiceSpec& old) {
  if (spec.clusterip() == old.clusterip() && SameClusterIPs(spec, old)) {
    spec.clear_clusterip();
    spec.clear_clusterips();
  }
  if (SameList(spec.ipfamilies(), old.ipfamilies())) spec.clear_ipfamilies();
  if (spec.ipfamilypolicy() == old.ipfamilypolicy()) spec.clear_ipfamilypolicy();
}

void DropNodePorts(ServiceSpec& spec, const ServiceSpec& old) {
  std::set<int32_t> before = NodePorts(old);
  std::set<int32_t> now = NodePorts(spec);
  if (!std::includes(before.begin(), before.end(), now.begin(), now.end())) return;
  for (auto& port : *spec.mutable_ports()) port.clear_nodeport();
}

void DropWhatTheTypeLost(Service& service, const Service& old) {
  ServiceSpec& spec = *service.mutable_spec();
  const ServiceSpec& old_spec = old.spec();
  if (NeedsClusterIP(old) && !NeedsClusterIP(service)) DropAddresses(spec, old_spec);
  if (NeedsNodePort(old) && !NeedsNodePort(service)) DropNodePorts(spec, old_spec);
  if (NeedsHealthCheckNodePort(old) && !NeedsHealthCheckNodePort(service) &&
      spec.healthchecknodeport() == old_spec.healthchecknodeport()) {
    spec.clear_healthchecknodeport();
  }
  bool left_load_balancer = old_spec.type() == "LoadBalancer" && spec.type() != "LoadBalancer";
  if (left_load_balancer && old_spec.has_allocateloadbalancernodeports() &&
      spec.allocateloadbalancernodeports() == old_spec.allocateloadbalancernodeports()) {
    spec.clear_allocateloadbalancernodeports();
  }
  if (left_load_balancer && spec.loadbalancerclass() == old_spec.loadbalancerclass()) {
    spec.clear_loadbalancerclass();
  }
  if (NeedsExternalTrafficPolicy(old) && !NeedsExternalTrafficPolicy(service) &&
      spec.externaltrafficpolicy() == old_spec.externaltrafficpolicy()) {
    spec.clear_externaltrafficpolicy();
  }
}

}  // namespace

void DefaultService(Service& service) {
  ServiceSpec& spec = *service.mutable_spec();
  DefaultAffinity(spec);
  for (auto& port : *spec.mutable_ports()) {
    if (IsUnset(port.targetport())) api::SetInt(port.mutable_targetport(), port.port());
  }
  if (NeedsExternalTrafficPolicy(service) && spec.externaltrafficpolicy().empty()) {
    spec.set_externaltrafficpolicy("Cluster");
  }
  if (!spec.has_internaltrafficpolicy() && NeedsClusterIP(service)) {
    spec.set_internaltrafficpolicy("Cluster");
  }
  if (spec.type() == "LoadBalancer" && !spec.has_allocateloadbalancernodeports()) {
    spec.set_allocateloadbalancernodeports(true);
  }
}

void AlignClusterIPs(Service& service) {
  ServiceSpec& spec = *service.mutable_spec();
  if (!spec.clusterip().empty() && spec.clusterips_size() == 0) {
    spec.add_clusterips(spec.clusterip());
  }
}

void AlignWithOld(Service& service, const Service& old) {
  KeepAllocated(service, old);
  BringClusterIPsTogether(*service.mutable_spec(), old.spec());
  DropWhatTheTypeLost(service, old);
}

}  // namespace wherry::apiserver::registry
