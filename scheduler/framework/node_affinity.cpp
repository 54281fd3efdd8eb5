#include "scheduler/framework/node_affinity.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace wherry::scheduler::framework {
namespace {

namespace core = api::core::v1;

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool RequirementMatches(const core::NodeSelectorRequirement& requirement,
                        std::optional<std::string_view> value) {
  const auto& values = requirement.values();
  const std::string& op = requirement.operator_();
  const bool listed = value && std::find(values.begin(), values.end(), *value) != values.end();
  if (op == "In") return listed;
  if (op == "NotIn") return !listed;
  if (op == "Exists") return value.has_value();
  if (op == "DoesNotExist") return !value.has_value();
  if (!value || values.size() != 1) return false;
  const auto have = ParseInteger(*value);
  const auto bound = ParseInteger(values[0]);
  if (!have || !bound) return false;
  return op == "Gt" ? *have > *bound : op == "Lt" && *have < *bound;
}

}  // namespace

bool TermMatches(const core::NodeSelectorTerm& term, const core::Node& node) {
  if (term.matchexpressions().empty() && term.matchfields().empty()) return false;
  const auto& labels = node.metadata().labels();
  for (const auto& requirement : term.matchexpressions()) {
    auto label = labels.find(requirement.key());
    std::optional<std::string_view> value;
    if (label != labels.end()) value = label->second;
    if (!RequirementMatches(requirement, value)) return false;
  }
  for (const auto& requirement : term.matchfields()) {
    // metadata.name is the only field that upstream allows here.
    if (requirement.key() != "metadata.name") return false;
    if (!RequirementMatches(requirement, std::string_view(node.metadata().name()))) return false;
  }
  return true;
}

bool RequiredAffinityMatches(const core::Pod& pod, const core::Node& node) {
  const auto& labels = node.metadata().labels();
  for (const auto& [key, value] : pod.spec().nodeselector()) {
    auto label = labels.find(key);
    if (label == labels.end() || label->second != value) return false;
  }
  const core::NodeAffinity& affinity = pod.spec().affinity().nodeaffinity();
  if (!affinity.has_requiredduringschedulingignoredduringexecution()) return true;
  const auto& terms = affinity.requiredduringschedulingignoredduringexecution().nodeselectorterms();
  return std::any_of(terms.begin(), terms.end(),
                     [&node](const auto& term) { return TermMatches(term, node); });
}

}  // namespace wherry::scheduler::framework
