#include "proxy/services/tracker.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <optional>
#include <set>

namespace wherry::proxy::services {
namespace {

namespace core = api::core::v1;
namespace discovery = api::discovery::v1;

constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
constexpr const char* kProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr int kAffinitySecondsDefault = 10800;

bool IsOurs(const core::Service& service) {
  const std::string& ip = service.spec().clusterip();
  return service.spec().type() != "ExternalName" && !ip.empty() && ip != "None" &&
         !service.metadata().labels().contains(kProxyNameLabel);
}

bool IsIpv4(const std::string& ip) { return ip.find(':') == std::string::npos; }

struct Candidate {
  Backend backend;
  bool ready = false;
  bool serves_terminating = false;
  bool local = false;
};

// The endpoints behind one service port, by the port's name and protocol.
std::vector<Candidate> CandidatesOf(
    const core::ServicePort& port,
    const std::map<std::string, std::shared_ptr<const discovery::EndpointSlice>>& slices,
    const std::string& node_name) {
  std::vector<Candidate> candidates;
  for (const auto& [name, slice] : slices) {
    if (slice->addresstype() != "IPv4") continue;
    for (const discovery::EndpointPort& slice_port : slice->ports()) {
      const std::string protocol = slice_port.protocol().empty() ? "TCP" : slice_port.protocol();
      if (slice_port.name() != port.name() || protocol != port.protocol() || slice_port.port() == 0)
        continue;
      for (const discovery::Endpoint& endpoint : slice->endpoints()) {
        if (endpoint.addresses().empty()) continue;
        const auto& conditions = endpoint.conditions();
        // An unset ready means yes; an unset serving means the same as ready.
        const bool ready = !conditions.has_ready() || conditions.ready();
        const bool serving = conditions.has_serving() ? conditions.serving() : ready;
        candidates.push_back({.backend = {.ip = endpoint.addresses(0),
                                          .port = static_cast<uint16_t>(slice_port.port())},
                              .ready = ready,
                              .serves_terminating = serving && conditions.terminating(),
                              .local = endpoint.nodename() == node_name});
      }
    }
  }
  return candidates;
}

std::vector<Backend> Choose(const std::vector<Candidate>& candidates, bool local_only) {
  std::set<Backend> ready;
  std::set<Backend> terminating;
  for (const Candidate& candidate : candidates) {
    if (local_only && !candidate.local) continue;
    if (candidate.ready) ready.insert(candidate.backend);
    if (candidate.serves_terminating) terminating.insert(candidate.backend);
  }
  const std::set<Backend>& chosen = ready.empty() ? terminating : ready;
  return {chosen.begin(), chosen.end()};
}

std::vector<std::string> LoadBalancerIpsOf(const core::Service& service) {
  std::vector<std::string> ips;
  if (service.spec().type() != "LoadBalancer") return ips;
  for (const auto& ingress : service.status().loadbalancer().ingress()) {
    if (!ingress.ip().empty() && IsIpv4(ingress.ip())) ips.push_back(ingress.ip());
  }
  return ips;
}

std::optional<std::vector<SourceRange>> SourceRangesOf(const core::ServiceSpec& spec) {
  if (spec.loadbalancersourceranges().empty()) return std::nullopt;
  std::set<SourceRange> ranges;
  for (const std::string& text : spec.loadbalancersourceranges()) {
    if (auto range = SourceRange::Parse(text)) ranges.insert(*range);
  }
  return std::vector<SourceRange>(ranges.begin(), ranges.end());
}

}  // namespace

std::string_view ProtocolName(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

bool Rule::Admits(const std::string& client_ip) const {
  return !source_ranges ||
         std::any_of(source_ranges->begin(), source_ranges->end(),
                     [&client_ip](const SourceRange& range) { return range.Contains(client_ip); });
}

void Tracker::SetService(std::shared_ptr<const core::Service> service) {
  const auto& metadata = service->metadata();
  services_[{metadata.namespace_(), metadata.name()}] = std::move(service);
}

void Tracker::RemoveService(std::string_view ns, std::string_view name) {
  services_.erase({std::string(ns), std::string(name)});
}

void Tracker::SetEndpointSlice(std::shared_ptr<const discovery::EndpointSlice> slice) {
  const auto& metadata = slice->metadata();
  RemoveEndpointSlice(metadata.namespace_(), metadata.name());
  auto label = metadata.labels().find(kServiceNameLabel);
  if (label == metadata.labels().end()) return;
  service_of_slice_[{metadata.namespace_(), metadata.name()}] = label->second;
  slices_[{metadata.namespace_(), label->second}][metadata.name()] = std::move(slice);
}

void Tracker::RemoveEndpointSlice(std::string_view ns, std::string_view name) {
  auto owner = service_of_slice_.find({std::string(ns), std::string(name)});
  if (owner == service_of_slice_.end()) return;
  auto slices = slices_.find({std::string(ns), owner->second});
  service_of_slice_.erase(owner);
  slices->second.erase(std::string(name));
  if (slices->second.empty()) slices_.erase(slices);
}

Table Tracker::Build() const {
  Table table;
  const Addresses of_the_cluster = AddressesOfTheCluster();
  for (const auto& [key, service] : services_) {
    if (!IsOurs(*service)) continue;
    auto slices = slices_.find(key);
    AddRules(*service, slices == slices_.end() ? nullptr : &slices->second, of_the_cluster, table);
  }
  // Two services may claim one external address; the first by name has it.
  std::sort(table.rules.begin(), table.rules.end(), [](const Rule& a, const Rule& b) {
    return a.frontend != b.frontend ? a.frontend < b.frontend : a.service < b.service;
  });
  auto twice = std::unique(table.rules.begin(), table.rules.end(),
                           [](const Rule& a, const Rule& b) { return a.frontend == b.frontend; });
  table.rules.erase(twice, table.rules.end());
  return table;
}

std::vector<HealthCheck> Tracker::HealthChecks() const {
  std::vector<HealthCheck> checks;
  for (const auto& [key, service] : services_) {
    const core::ServiceSpec& spec = service->spec();
    if (!IsOurs(*service) || spec.healthchecknodeport() == 0) continue;
    std::set<Backend> local;
    auto slices = slices_.find(key);
    for (const core::ServicePort& port : spec.ports()) {
      if (slices == slices_.end()) break;
      for (const Candidate& candidate : CandidatesOf(port, slices->second, node_name_)) {
        // A pod counts once, however many ports it has.
        if (candidate.local && candidate.ready) local.insert({.ip = candidate.backend.ip});
      }
    }
    checks.push_back({.port = static_cast<uint16_t>(spec.healthchecknodeport()),
                      .ns = key.first,
                      .name = key.second,
                      .local_endpoints = static_cast<int>(local.size())});
  }
  return checks;
}

Tracker::Addresses Tracker::AddressesOfTheCluster() const {
  const bool wanted = std::any_of(services_.begin(), services_.end(), [](const auto& entry) {
    return !entry.second->spec().externalips().empty() ||
           !entry.second->status().loadbalancer().ingress().empty();
  });
  Addresses addresses;
  if (!wanted) return addresses;
  for (const auto& [key, service] : services_) {
    addresses.insert(service->spec().clusterip());
    addresses.insert(service->spec().clusterips().begin(), service->spec().clusterips().end());
  }
  for (const auto& [key, slices] : slices_) {
    for (const auto& [name, slice] : slices) {
      for (const discovery::Endpoint& endpoint : slice->endpoints()) {
        addresses.insert(endpoint.addresses().begin(), endpoint.addresses().end());
      }
    }
  }
  return addresses;
}

void Tracker::AddRules(const core::Service& service, const Slices* slices,
                       const Addresses& of_the_cluster, Table& table) const {
  const core::ServiceSpec& spec = service.spec();
  const bool internal_local = spec.internaltrafficpolicy() == "Local";
  const bool external_local = spec.externaltrafficpolicy() == "Local";
  int affinity_seconds = 0;
  if (spec.sessionaffinity() == "ClientIP") {
    const auto& client_ip = spec.sessionaffinityconfig().clientip();
    affinity_seconds =
        client_ip.has_timeoutseconds() ? client_ip.timeoutseconds() : kAffinitySecondsDefault;
  }
  for (const core::ServicePort& port : spec.ports()) {
    if (port.protocol() != "TCP" && port.protocol() != "UDP") continue;
    const Protocol protocol = port.protocol() == "TCP" ? Protocol::kTcp : Protocol::kUdp;
    const std::vector<Candidate> candidates =
        slices == nullptr ? std::vector<Candidate>{} : CandidatesOf(port, *slices, node_name_);
    const std::string name = service.metadata().namespace_() + "/" + service.metadata().name() +
                             (port.name().empty() ? "" : ":" + port.name());

    auto add = [&](Frontend::Kind kind, const std::string& ip, int32_t number,
                   bool local_only) -> Rule& {
      const bool external = kind != Frontend::Kind::kClusterIp;
      Rule rule;
      rule.frontend = {
          .kind = kind, .ip = ip, .port = static_cast<uint16_t>(number), .protocol = protocol};
      rule.service = name;
      rule.backends = Choose(candidates, local_only);
      if (external && local_only) rule.inside_backends = Choose(candidates, false);
      rule.drop_when_empty = local_only && !Choose(candidates, false).empty();
      rule.masquerade = external && !local_only;
      rule.affinity_seconds = affinity_seconds;
      return table.rules.emplace_back(std::move(rule));
    };
    for (const std::string& ip : spec.clusterips()) {
      if (IsIpv4(ip)) add(Frontend::Kind::kClusterIp, ip, port.port(), internal_local);
    }
    if (spec.clusterips().empty() && IsIpv4(spec.clusterip())) {
      add(Frontend::Kind::kClusterIp, spec.clusterip(), port.port(), internal_local);
    }
    if (port.nodeport() != 0) add(Frontend::Kind::kNodePort, "", port.nodeport(), external_local);
    for (const std::string& ip : spec.externalips()) {
      if (!IsIpv4(ip) || of_the_cluster.contains(ip)) continue;
      add(Frontend::Kind::kExternalIp, ip, port.port(), external_local);
    }
    for (const std::string& ip : LoadBalancerIpsOf(service)) {
      if (of_the_cluster.contains(ip)) continue;
      add(Frontend::Kind::kExternalIp, ip, port.port(), external_local).source_ranges =
          SourceRangesOf(spec);
    }
  }
}

}  // namespace wherry::proxy::services
