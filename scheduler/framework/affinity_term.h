#pragma once

#include "lib/api/labels.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::api::core::v1 {
class Pod;
}

namespace wherry::scheduler::framework {

// Labels of namespaces by name, for terms with a namespaceSelector.
using NamespaceLabels = std::map<std::string, api::LabelMap, std::less<>>;

// One PodAffinityTerm of a pod with its selectors ready. Immutable, shared by the pod's revisions.
struct AffinityTerm {
  std::string topology_key;
  std::set<std::string> namespaces;  // where it looks; the pod's own when it names none
  std::optional<api::Selector> namespace_selector;  // and in all namespaces with such labels
  api::Selector selector;
  // The same for terms that mean the same, whichever pod they are of.
  std::string identity;
  // A label that every pod it matches must have; pods without it need not be asked.
  std::optional<std::pair<std::string, std::string>> needed_label;

  bool Matches(const api::core::v1::Pod& pod, const NamespaceLabels& namespace_labels) const;
};
using AffinityTermPtr = std::shared_ptr<const AffinityTerm>;

struct WeightedTerm {
  AffinityTermPtr term;
  int64_t weight = 0;  // below zero for anti-affinity
};

// spec.affinity.podAffinity and podAntiAffinity.
struct PodAffinity {
  std::vector<AffinityTermPtr> required;
  std::vector<AffinityTermPtr> required_anti;
  std::vector<WeightedTerm> preferred;
};
using PodAffinityPtr = std::shared_ptr<const PodAffinity>;

// Null when the pod has neither. Source: framework.getAffinityTerms.
PodAffinityPtr PodAffinityOf(const api::core::v1::Pod& pod);

// For Selector::MatchesBy.
class LabelsOf {
 public:
  explicit LabelsOf(const api::core::v1::Pod& pod) : pod_(pod) {}
  std::optional<std::string_view> operator()(std::string_view key) const;

 private:
  const api::core::v1::Pod& pod_;
};

}  // namespace wherry::scheduler::framework
