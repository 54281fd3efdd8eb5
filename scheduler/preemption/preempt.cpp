#include "scheduler/preemption/preempt.h"

#include "lib/api/labels.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "scheduler/cycle/pod_filters.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace wherry::scheduler::preemption {
namespace {

using cycle::PodFilters;
using framework::NodeInfo;
using framework::PodInfo;
using framework::PodInfoPtr;

constexpr size_t kCandidatesMin = 100;

int64_t PriorityOf(const PodInfo& pod) { return pod.pod->spec().priority(); }

int64_t StartOf(const PodInfo& pod) {
  // One that has not started is the youngest.
  if (!pod.pod->status().has_starttime()) return std::numeric_limits<int64_t>::max();
  return pod.pod->status().starttime().seconds();
}

bool IsMoreImportant(const PodInfoPtr& one, const PodInfoPtr& other) {
  return PriorityOf(*one) != PriorityOf(*other) ? PriorityOf(*one) > PriorityOf(*other)
                                                : StartOf(*one) < StartOf(*other);
}

// The pods whose loss the budgets do not allow, by uid, when they go in this order.
std::set<std::string> Violations(const std::vector<PodInfoPtr>& pods, const Budgets& budgets) {
  std::vector<int64_t> allowed;
  std::vector<api::Selector> selectors;
  for (const auto& budget : budgets) {
    allowed.push_back(budget->status().disruptionsallowed());
    auto selector = api::Selector::FromLabelSelector(budget->spec().selector());
    selectors.push_back(selector.ok() ? std::move(*selector) : api::Selector::Nothing());
  }
  std::set<std::string> violating;
  for (const PodInfoPtr& pod : pods) {
    const auto& metadata = pod->pod->metadata();
    for (size_t i = 0; i < budgets.size(); ++i) {
      const auto& budget = *budgets[i];
      if (budget.metadata().namespace_() != metadata.namespace_()) continue;
      if (selectors[i].MatchesEverything() ||
          !selectors[i].MatchesBy(framework::LabelsOf(*pod->pod))) {
        continue;
      }
      if (budget.status().disruptedpods().contains(metadata.name())) continue;
      if (--allowed[i] < 0) violating.insert(metadata.uid());
    }
  }
  return violating;
}

// Takes pods out of the cache and puts back what is still out when it ends.
class DryRun {
 public:
  explicit DryRun(cache::Cache& cache) : cache_(cache) {}
  ~DryRun() {
    for (auto& [uid, pod] : out_) cache_.PutBack(pod);
  }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

  void TakeOut(const PodInfoPtr& pod) {
    cache_.TakeOut(pod->pod->metadata().uid());
    out_[pod->pod->metadata().uid()] = pod;
  }
  void PutBack(const PodInfoPtr& pod) {
    out_.erase(pod->pod->metadata().uid());
    cache_.PutBack(pod);
  }

 private:
  cache::Cache& cache_;
  std::map<std::string, PodInfoPtr> out_;
};

std::optional<Candidate> Try(const framework::Plugins& plugins, const PodInfo& pod,
                             cache::Cache& cache, const Budgets& budgets, const NodeInfo& node) {
  std::vector<PodInfoPtr> lower;
  for (const PodInfoPtr& other : node.pods()) {
    if (PriorityOf(*other) < PriorityOf(pod)) lower.push_back(other);
  }
  if (lower.empty()) return std::nullopt;
  std::sort(lower.begin(), lower.end(), IsMoreImportant);
  auto fits = [&] { return PodFilters(plugins, pod, cache.Nodes()).Check(node).empty(); };
  DryRun run(cache);
  for (const PodInfoPtr& other : lower) run.TakeOut(other);
  if (!fits()) return std::nullopt;
  // As many as can stay do: first those that a budget protects, and the important ones.
  const std::set<std::string> violating = Violations(lower, budgets);
  auto is_violating = [&violating](const PodInfoPtr& other) {
    return violating.contains(other->pod->metadata().uid());
  };
  std::sort(lower.begin(), lower.end(), [&](const PodInfoPtr& one, const PodInfoPtr& other) {
    return is_violating(one) != is_violating(other) ? is_violating(one)
                                                    : IsMoreImportant(one, other);
  });
  Candidate candidate{.node_name = node.name()};
  for (const PodInfoPtr& other : lower) {
    run.PutBack(other);
    if (fits()) continue;
    run.TakeOut(other);
    candidate.victims.push_back(other);
    if (is_violating(other)) ++candidate.budget_violations;
  }
  // It fits as things are: nothing to preempt here.
  if (candidate.victims.empty()) return std::nullopt;
  std::sort(candidate.victims.begin(), candidate.victims.end(), IsMoreImportant);
  return candidate;
}

// Less is better.
auto CostOf(const Candidate& candidate) {
  const int64_t highest = PriorityOf(*candidate.victims.front());
  int64_t sum = 0;
  int64_t earliest = std::numeric_limits<int64_t>::max();
  for (const PodInfoPtr& victim : candidate.victims) {
    // Shifted, so that more victims cost more even when their priorities are below zero.
    sum += PriorityOf(*victim) + std::numeric_limits<int32_t>::max() + int64_t{1};
    if (PriorityOf(*victim) == highest) earliest = std::min(earliest, StartOf(*victim));
  }
  return std::tuple(candidate.budget_violations, highest, sum, candidate.victims.size(), -earliest);
}

}  // namespace

bool MayPreempt(const PodInfo& pod, cache::Cache& cache) {
  if (pod.pod->spec().preemptionpolicy() == "Never") return false;
  const std::string& nominated = cache.NominatedNodeOf(pod.pod->metadata().uid());
  if (nominated.empty()) return true;
  const framework::Snapshot& nodes = cache.Nodes();
  auto node = std::find_if(nodes.begin(), nodes.end(), [&nominated](const NodeInfo* each) {
    return each->name() == nominated;
  });
  return node == nodes.end() ||
         std::none_of((*node)->pods().begin(), (*node)->pods().end(), [&pod](const auto& other) {
           return PriorityOf(*other) < PriorityOf(pod) &&
                  other->pod->metadata().has_deletiontimestamp();
         });
}

std::optional<Candidate> FindCandidate(const framework::Plugins& plugins, const PodInfo& pod,
                                       cache::Cache& cache, const Budgets& budgets, size_t start) {
  // The cache keeps its nodes in place; only what is on them changes.
  const framework::Snapshot nodes = cache.Nodes();
  const size_t wanted = std::max(kCandidatesMin, nodes.size() / 10);
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < nodes.size() && candidates.size() < wanted; ++i) {
    const NodeInfo& node = *nodes[(start + i) % nodes.size()];
    if (auto candidate = Try(plugins, pod, cache, budgets, node)) {
      candidates.push_back(std::move(*candidate));
    }
  }
  if (candidates.empty()) return std::nullopt;
  return *std::min_element(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return CostOf(a) < CostOf(b); });
}

}  // namespace wherry::scheduler::preemption
