#include "scheduler/framework/affinity_term.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::scheduler::framework {
namespace {

namespace core = api::core::v1;
using Operator = api::Selector::Operator;

// The API server has validated selectors; one that does not parse all the same matches nothing.
api::Selector SelectorFrom(const api::meta::v1::LabelSelector& spec) {
  auto parsed = api::Selector::FromLabelSelector(spec);
  return parsed.ok() ? std::move(*parsed) : api::Selector::Nothing();
}

std::optional<std::pair<std::string, std::string>> NeededLabel(const api::Selector& selector) {
  for (const auto& requirement : selector.requirements()) {
    const bool equals = requirement.op == Operator::kEquals || requirement.op == Operator::kIn;
    if (equals && requirement.values.size() == 1) {
      return std::pair(requirement.key, requirement.values.front());
    }
  }
  return std::nullopt;
}

AffinityTermPtr MakeTerm(const core::Pod& pod, const core::PodAffinityTerm& spec) {
  auto term = std::make_shared<AffinityTerm>();
  term->topology_key = spec.topologykey();
  term->selector =
      spec.has_labelselector() ? SelectorFrom(spec.labelselector()) : api::Selector::Nothing();
  term->namespaces.insert(spec.namespaces().begin(), spec.namespaces().end());
  if (spec.has_namespaceselector()) {
    term->namespace_selector = SelectorFrom(spec.namespaceselector());
  } else if (spec.namespaces().empty()) {
    term->namespaces.insert(pod.metadata().namespace_());
  }
  // Neither names nor selectors have line feeds.
  term->identity = term->topology_key + "\n" +
                   (term->selector.MatchesNothing() ? "!" : term->selector.String()) + "\n";
  if (term->namespace_selector) term->identity += "*" + term->namespace_selector->String();
  for (const std::string& name : term->namespaces) term->identity += "\n" + name;
  term->needed_label = NeededLabel(term->selector);
  return term;
}

}  // namespace

std::optional<std::string_view> LabelsOf::operator()(std::string_view key) const {
  const auto& labels = pod_.metadata().labels();
  auto label = labels.find(std::string(key));
  if (label == labels.end()) return std::nullopt;
  return std::string_view(label->second);
}

bool AffinityTerm::Matches(const core::Pod& pod, const NamespaceLabels& namespace_labels) const {
  const std::string& ns = pod.metadata().namespace_();
  if (!namespaces.contains(ns)) {
    if (!namespace_selector) return false;
    auto labels = namespace_labels.find(ns);
    if (labels == namespace_labels.end()) {
      if (!namespace_selector->Matches(api::LabelMap{})) return false;
    } else if (!namespace_selector->Matches(labels->second)) {
      return false;
    }
  }
  return selector.MatchesBy(LabelsOf(pod));
}

PodAffinityPtr PodAffinityOf(const core::Pod& pod) {
  const core::Affinity& spec = pod.spec().affinity();
  if (!spec.has_podaffinity() && !spec.has_podantiaffinity()) return nullptr;
  auto affinity = std::make_shared<PodAffinity>();
  for (const auto& term : spec.podaffinity().requiredduringschedulingignoredduringexecution()) {
    affinity->required.push_back(MakeTerm(pod, term));
  }
  for (const auto& term : spec.podantiaffinity().requiredduringschedulingignoredduringexecution()) {
    affinity->required_anti.push_back(MakeTerm(pod, term));
  }
  for (const auto& each : spec.podaffinity().preferredduringschedulingignoredduringexecution()) {
    affinity->preferred.push_back({MakeTerm(pod, each.podaffinityterm()), each.weight()});
  }
  for (const auto& each :
       spec.podantiaffinity().preferredduringschedulingignoredduringexecution()) {
    affinity->preferred.push_back({MakeTerm(pod, each.podaffinityterm()), -each.weight()});
  }
  return affinity;
}

}  // namespace wherry::scheduler::framework
