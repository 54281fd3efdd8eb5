#include "scheduler/plugins/interpodaffinity/plugin.h"

#include "proto/api/core/v1.pb.h"
#include "scheduler/framework/node_labels.h"

#include <algorithm>
#include <string>
#include <vector>

namespace wherry::scheduler::plugins {
namespace {

namespace core = api::core::v1;
using framework::AffinityIndex;
using framework::AffinityTermPtr;
using framework::DomainCounts;
using framework::NodeInfo;
using framework::PodInfo;
using framework::Snapshot;
using Bond = AffinityIndex::Bond;

// What a placed pod's required affinity is worth to one that it wants near. Source:
// InterPodAffinityArgs.hardPodAffinityWeight.
constexpr int64_t kRequiredWeight = 1;

// Pods by the value of one topology label.
struct Topology {
  std::string key;
  const DomainCounts* counts = nullptr;
  int64_t weight = 1;

  int64_t On(const core::Node& node) const {
    const std::string* domain = framework::LabelOf(node, key);
    if (domain == nullptr) return 0;
    auto count = counts->find(*domain);
    return count == counts->end() ? 0 : count->second;
  }
};

class AffinityFilter : public framework::NodeFilter {
 public:
  AffinityFilter(const PodInfo& pod, AffinityIndex& index, const Snapshot& nodes) {
    for (const AffinityIndex::Carried* carried : index.CarriedFor(*pod.pod)) {
      if (carried->bond != Bond::kRequiredAnti) continue;
      unwelcome_.push_back({carried->term->topology_key, &carried->counts});
    }
    if (pod.affinity == nullptr) return;
    // A pod counts for the affinity when it matches all its terms, for each anti-affinity term by
    // itself.
    for (const AffinityTermPtr& term : pod.affinity->required_anti) {
      Copy(index.Matching({term}, nodes).front(), *term, anti_);
    }
    const auto& terms = pod.affinity->required;
    if (terms.empty()) return;
    const auto counts = index.Matching(terms, nodes);
    for (size_t i = 0; i < terms.size(); ++i) Copy(counts[i], *terms[i], near_);
    // The first of a group that wants to be together may go anywhere.
    is_first_ =
        std::all_of(counts.begin(), counts.end(), [](const auto* each) { return each->empty(); }) &&
        std::all_of(terms.begin(), terms.end(), [&](const AffinityTermPtr& term) {
          return term->Matches(*pod.pod, index.namespaces());
        });
  }

  bool IsNeeded() const { return !near_.empty() || !anti_.empty() || !unwelcome_.empty(); }

  std::vector<framework::Rejection> Check(const NodeInfo& info) const override {
    const core::Node& node = info.node();
    for (const Topology& topology : near_) {
      if (framework::LabelOf(node, topology.key) == nullptr ||
          (topology.On(node) == 0 && !is_first_)) {
        return {framework::Rejection::Lasting("node(s) didn't match pod affinity rules")};
      }
    }
    auto has_pods = [&node](const Topology& topology) { return topology.On(node) > 0; };
    if (std::any_of(anti_.begin(), anti_.end(), has_pods)) {
      return {"node(s) didn't match pod anti-affinity rules"};
    }
    if (std::any_of(unwelcome_.begin(), unwelcome_.end(), has_pods)) {
      return {"node(s) didn't satisfy existing pods anti-affinity rules"};
    }
    return {};
  }

 private:
  static void Copy(const DomainCounts* counts, const framework::AffinityTerm& term,
                   std::vector<Topology>& out) {
    out.push_back({term.topology_key, counts});
  }

  std::vector<Topology> near_;
  std::vector<Topology> anti_;
  std::vector<Topology> unwelcome_;
  bool is_first_ = false;
};

class AffinityScorer : public framework::NodeScorer {
 public:
  AffinityScorer(const PodInfo& pod, AffinityIndex& index, const Snapshot& nodes) {
    for (const AffinityIndex::Carried* carried : index.CarriedFor(*pod.pod)) {
      if (carried->bond == Bond::kRequiredAnti) continue;
      const int64_t weight = carried->bond == Bond::kRequired ? kRequiredWeight : 1;
      topologies_.push_back({carried->term->topology_key, &carried->counts, weight});
    }
    if (pod.affinity == nullptr) return;
    for (const framework::WeightedTerm& each : pod.affinity->preferred) {
      const DomainCounts* counts = index.Matching({each.term}, nodes).front();
      topologies_.push_back({each.term->topology_key, counts, each.weight});
    }
  }

  bool IsNeeded() const { return !topologies_.empty(); }

  int64_t Score(const NodeInfo& node) const override {
    int64_t score = 0;
    for (const Topology& topology : topologies_) {
      score += topology.On(node.node()) * topology.weight;
    }
    return score;
  }

  // Scores may be below zero: the least becomes 0.
  void Normalize(std::span<int64_t> scores) const override {
    if (scores.empty()) return;
    const auto [least, most] = std::minmax_element(scores.begin(), scores.end());
    const int64_t low = *least;
    const int64_t distance = *most - low;
    for (int64_t& score : scores) {
      score = distance == 0 ? 0 : framework::kMaxNodeScore * (score - low) / distance;
    }
  }

 private:
  std::vector<Topology> topologies_;
};

class InterPodAffinity : public framework::Plugin {
 public:
  explicit InterPodAffinity(AffinityIndex& index) : index_(index) {}
  std::string_view name() const override { return "InterPodAffinity"; }
  int64_t weight() const override { return 2; }
  bool filter_borrows_from_index() const override { return true; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const PodInfo& pod,
                                                       const Snapshot& nodes) const override {
    auto filter = std::make_unique<AffinityFilter>(pod, index_, nodes);
    if (!filter->IsNeeded()) return nullptr;
    return filter;
  }
  std::unique_ptr<framework::NodeScorer> PrepareScore(const PodInfo& pod, const Snapshot&,
                                                      const Snapshot& all) const override {
    auto scorer = std::make_unique<AffinityScorer>(pod, index_, all);
    if (!scorer->IsNeeded()) return nullptr;
    return scorer;
  }

 private:
  AffinityIndex& index_;
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeInterPodAffinity(framework::AffinityIndex& index) {
  return std::make_unique<InterPodAffinity>(index);
}

}  // namespace wherry::scheduler::plugins
