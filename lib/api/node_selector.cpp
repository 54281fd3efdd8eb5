#include "lib/api/node_selector.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace wherry::api {
namespace {

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool RequirementMatches(const core::v1::NodeSelectorRequirement& requirement,
                        const std::string* value) {
  const auto& values = requirement.values();
  const std::string& op = requirement.operator_();
  const bool listed =
      value != nullptr && std::find(values.begin(), values.end(), *value) != values.end();
  if (op == "In") return listed;
  if (op == "NotIn") return !listed;
  if (op == "Exists") return value != nullptr;
  if (op == "DoesNotExist") return value == nullptr;
  if (value == nullptr || values.size() != 1) return false;
  const auto have = ParseInteger(*value);
  const auto bound = ParseInteger(values[0]);
  if (!have || !bound) return false;
  return op == "Gt" ? *have > *bound : op == "Lt" && *have < *bound;
}

}  // namespace

bool NodeSelectorTermMatches(const core::v1::NodeSelectorTerm& term, const NodeToSelect& node) {
  if (term.matchexpressions().empty() && term.matchfields().empty()) return false;
  const bool labels_match =
      std::all_of(term.matchexpressions().begin(), term.matchexpressions().end(),
                  [&node](const auto& requirement) {
                    return RequirementMatches(requirement, node.label(requirement.key()));
                  });
  // metadata.name is the only field that upstream allows here.
  return labels_match && std::all_of(term.matchfields().begin(), term.matchfields().end(),
                                     [&node](const auto& requirement) {
                                       return requirement.key() == "metadata.name" &&
                                              RequirementMatches(requirement, &node.name);
                                     });
}

bool RequiredNodeAffinityMatches(const core::v1::PodSpec& spec, const NodeToSelect& node) {
  for (const auto& [key, value] : spec.nodeselector()) {
    const std::string* label = node.label(key);
    if (label == nullptr || *label != value) return false;
  }
  const core::v1::NodeAffinity& affinity = spec.affinity().nodeaffinity();
  if (!affinity.has_requiredduringschedulingignoredduringexecution()) return true;
  const auto& terms = affinity.requiredduringschedulingignoredduringexecution().nodeselectorterms();
  return std::any_of(terms.begin(), terms.end(),
                     [&node](const auto& term) { return NodeSelectorTermMatches(term, node); });
}

}  // namespace wherry::api
