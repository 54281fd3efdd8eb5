#include "nodeagent/lifecycle/admission.h"

#include "lib/api/node_selector.h"
#include "nodeagent/lifecycle/extended_resources.h"
#include "nodeagent/lifecycle/sysctls.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace wherry::nodeagent::lifecycle {

namespace {

bool AffinityMatches(const Pod& pod, const NodeFacts& node) {
  return api::RequiredNodeAffinityMatches(
      pod.spec(), {.name = node.node_name, .label = [&node](const std::string& key) {
                     auto found = node.labels.find(key);
                     return found == node.labels.end() ? nullptr : &found->second;
                   }});
}

using HostPort = std::tuple<std::string, std::string, int>;  // address, protocol, port

std::vector<HostPort> HostPorts(const Pod& pod) {
  std::vector<HostPort> ports;
  for (const auto& container : pod.spec().containers())
    for (const auto& port : container.ports()) {
      if (port.hostport() <= 0) continue;
      const std::string address = port.hostip().empty() ? "0.0.0.0" : port.hostip();
      ports.emplace_back(address, port.protocol().empty() ? "TCP" : port.protocol(),
                         port.hostport());
    }
  return ports;
}

bool Conflict(const HostPort& a, const HostPort& b) {
  if (std::get<1>(a) != std::get<1>(b) || std::get<2>(a) != std::get<2>(b)) return false;
  const std::string& left = std::get<0>(a);
  const std::string& right = std::get<0>(b);
  return left == right || left == "0.0.0.0" || right == "0.0.0.0";
}

PodVerdict PredicateFailed(const std::string& name) {
  return {name, "Pod was rejected: Predicate " + name + " failed"};
}

PodVerdict OutOf(const std::string& resource, int64_t requested, int64_t used, int64_t capacity) {
  return {"OutOf" + resource, "Pod was rejected: Node didn't have enough resource: " + resource +
                                  ", requested: " + std::to_string(requested) + ", used: " +
                                  std::to_string(used) + ", capacity: " + std::to_string(capacity)};
}

// This agent loads no AppArmor profiles: a pod that asks for one would run without.
std::optional<PodVerdict> RejectAppArmor(const Pod& pod) {
  constexpr std::string_view kPrefix = "container.apparmor.security.beta.kubernetes.io/";
  for (const auto& [key, profile] : pod.metadata().annotations()) {
    if (!key.starts_with(kPrefix) || profile.empty() || profile == "unconfined") continue;
    if (profile == "runtime/default") continue;  // this runtime's default has none
    return PodVerdict{"AppArmor", "Pod was rejected: Cannot enforce AppArmor: profile \"" +
                                      profile + "\" of container \"" + key.substr(kPrefix.size()) +
                                      "\" is not supported by this node"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<PodVerdict> Admit(const Pod& pod, const std::vector<const Pod*>& active,
                                const NodeFacts& node) {
  if (auto sysctls = CheckSysctls(pod, node.allowed_unsafe_sysctls); !sysctls.ok()) {
    return PodVerdict{"SysctlForbidden",
                      "Pod was rejected: forbidden sysctl: " + sysctls.error().message};
  }
  auto capacity_of = [&](const std::string& resource) {
    auto found = node.allocatable.find(resource);
    return found == node.allocatable.end() ? int64_t{0} : found->second;
  };
  const auto pods = static_cast<int64_t>(active.size());
  if (pods + 1 > capacity_of("pods")) return OutOf("pods", 1, pods, capacity_of("pods"));

  QuantityMap used;
  for (const Pod* other : active)
    for (const auto& [resource, amount] : PodRequests(*other)) used[resource] += amount;
  for (const auto& [resource, amount] : PodRequests(pod)) {
    // The scheduler alone counts what others put into the node's capacity.
    const bool of_others = IsExtendedResource(resource) && !node.allocatable.contains(resource);
    if (amount == 0 || of_others) continue;
    const int64_t capacity = capacity_of(resource);
    if (used[resource] + amount > capacity)
      return OutOf(resource, amount, used[resource], capacity);
  }
  if (pod.spec().has_os() && pod.spec().os().name() != "linux") {
    return PodVerdict{
        "PodOSNotSupported",
        "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS"};
  }
  if (auto refused = RejectAppArmor(pod)) return refused;
  if (!AffinityMatches(pod, node)) return PredicateFailed("NodeAffinity");
  if (!pod.spec().nodename().empty() && pod.spec().nodename() != node.node_name)
    return PredicateFailed("NodeName");

  const std::vector<HostPort> wanted = HostPorts(pod);
  for (const Pod* other : active)
    for (const auto& taken : HostPorts(*other))
      for (const auto& port : wanted)
        if (Conflict(port, taken)) return PredicateFailed("NodePorts");
  return std::nullopt;
}

}  // namespace wherry::nodeagent::lifecycle
