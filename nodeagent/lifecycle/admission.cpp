#include "nodeagent/lifecycle/admission.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::core::v1::NodeSelectorRequirement;
using api::core::v1::NodeSelectorTerm;

std::optional<int64_t> Number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool Matches(const NodeSelectorRequirement& requirement, const std::string* value) {
  const std::string& op = requirement.operator_();
  const auto& values = requirement.values();
  const bool listed = value && std::find(values.begin(), values.end(), *value) != values.end();
  if (op == "In") return listed;
  if (op == "NotIn") return !listed;
  if (op == "Exists") return value != nullptr;
  if (op == "DoesNotExist") return value == nullptr;
  if (!value || values.size() != 1) return false;
  const std::optional<int64_t> left = Number(*value);
  const std::optional<int64_t> right = Number(values.Get(0));
  if (!left || !right) return false;
  return op == "Gt" ? *left > *right : op == "Lt" && *left < *right;
}

bool Matches(const NodeSelectorTerm& term, const NodeFacts& node) {
  if (term.matchexpressions_size() == 0 && term.matchfields_size() == 0) return false;
  for (const auto& requirement : term.matchexpressions()) {
    auto found = node.labels.find(requirement.key());
    if (!Matches(requirement, found == node.labels.end() ? nullptr : &found->second)) return false;
  }
  for (const auto& requirement : term.matchfields())
    if (requirement.key() != "metadata.name" || !Matches(requirement, &node.node_name))
      return false;
  return true;
}

bool AffinityMatches(const Pod& pod, const NodeFacts& node) {
  for (const auto& [key, value] : pod.spec().nodeselector()) {
    auto found = node.labels.find(key);
    if (found == node.labels.end() || found->second != value) return false;
  }
  const auto& affinity = pod.spec().affinity().nodeaffinity();
  if (!affinity.has_requiredduringschedulingignoredduringexecution()) return true;
  const auto& terms = affinity.requiredduringschedulingignoredduringexecution().nodeselectorterms();
  return std::any_of(terms.begin(), terms.end(),
                     [&](const auto& term) { return Matches(term, node); });
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

}  // namespace

std::optional<PodVerdict> Admit(const Pod& pod, const std::vector<const Pod*>& active,
                                const NodeFacts& node) {
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
    if (amount == 0) continue;
    const int64_t capacity = capacity_of(resource);
    if (used[resource] + amount > capacity)
      return OutOf(resource, amount, used[resource], capacity);
  }
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
