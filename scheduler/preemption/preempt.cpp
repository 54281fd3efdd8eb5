#include "scheduler/preemption/preempt.h"

#include "lib/api/labels.h"
#include "lib/loop/sync.h"
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

// Takes pods of a node out of the cache and puts back what is still out when it ends. The filters
// follow.
class DryRun {
 public:
  DryRun(cache::Cache& cache, const NodeInfo& node, PodFilters& filters)
      : cache_(cache), node_(node), filters_(filters) {}
  ~DryRun() {
    while (!out_.empty()) PutBack(PodInfoPtr(out_.begin()->second));
    filters_.Refresh();
  }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

  void TakeOut(const PodInfoPtr& pod) {
    cache_.TakeOut(pod->pod->metadata().uid());
    out_[pod->pod->metadata().uid()] = pod;
    filters_.FollowPod(*pod, node_, -1);
  }
  void PutBack(const PodInfoPtr& pod) {
    out_.erase(pod->pod->metadata().uid());
    cache_.PutBack(pod);
    filters_.FollowPod(*pod, node_, 1);
  }
  std::vector<framework::Rejection> Check() {
    filters_.Refresh();
    return filters_.Check(node_);
  }

 private:
  cache::Cache& cache_;
  const NodeInfo& node_;
  PodFilters& filters_;
  std::map<std::string, PodInfoPtr> out_;
};

// `rejections` says why when there is no candidate.
std::optional<Candidate> Try(PodFilters& filters, const PodInfo& pod, cache::Cache& cache,
                             const Budgets& budgets, const NodeInfo& node,
                             std::vector<framework::Rejection>& rejections) {
  rejections = filters.Check(node);
  if (std::any_of(rejections.begin(), rejections.end(),
                  [](const framework::Rejection& each) { return each.lasts; })) {
    rejections = {"Preemption is not helpful for scheduling"};
    return std::nullopt;
  }
  std::vector<PodInfoPtr> lower;
  for (const PodInfoPtr& other : node.pods()) {
    if (PriorityOf(*other) < PriorityOf(pod)) lower.push_back(other);
  }
  if (lower.empty()) {
    rejections = {"No preemption victims found for incoming pod"};
    return std::nullopt;
  }
  std::sort(lower.begin(), lower.end(), IsMoreImportant);
  DryRun run(cache, node, filters);
  for (const PodInfoPtr& other : lower) run.TakeOut(other);
  rejections = run.Check();
  if (!rejections.empty()) return std::nullopt;
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
    if (run.Check().empty()) continue;
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

std::string WhyNotEligible(const PodInfo& pod, cache::Cache& cache) {
  if (pod.pod->spec().preemptionpolicy() == "Never") {
    return "not eligible due to preemptionPolicy=Never.";
  }
  const NodeInfo* node = cache.Find(cache.NominatedNodeOf(pod.pod->metadata().uid()));
  if (node == nullptr) return "";
  const bool waits =
      std::any_of(node->pods().begin(), node->pods().end(), [&pod](const auto& other) {
        return PriorityOf(*other) < PriorityOf(pod) &&
               other->pod->metadata().has_deletiontimestamp();
      });
  return waits ? "not eligible due to a terminating pod on the nominated node." : "";
}

Task<Search> FindCandidate(Loop& loop, const framework::Plugins& plugins, PodInfoPtr pod,
                           cache::Cache& cache, Budgets budgets, size_t start) {
  std::vector<std::string> names;
  for (const NodeInfo* node : cache.Nodes()) names.push_back(node->name());
  const size_t wanted = std::max(kCandidatesMin, names.size() / 10);
  std::vector<Candidate> candidates;
  Search search;
  search.fit_error.nodes_total = static_cast<int64_t>(names.size());
  // Made over all pods, so they serve one node after the other until something changes.
  std::optional<PodFilters> filters;
  uint64_t generation = 0;
  for (size_t i = 0; i < names.size() && candidates.size() < wanted; ++i) {
    if (i > 0) co_await Yield(loop);
    const framework::Snapshot& nodes = cache.Nodes();
    const NodeInfo* node = cache.Find(names[(start + i) % names.size()]);
    if (node == nullptr) continue;
    if (!filters || generation != cache.generation()) {
      filters.emplace(plugins, *pod, nodes);
      generation = cache.generation();
    }
    std::vector<framework::Rejection> rejections;
    if (auto candidate = Try(*filters, *pod, cache, budgets, *node, rejections)) {
      candidates.push_back(std::move(*candidate));
    }
    search.fit_error.Count(rejections);
  }
  if (candidates.empty()) co_return search;
  search.candidate = *std::min_element(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return CostOf(a) < CostOf(b); });
  co_return search;
}

}  // namespace wherry::scheduler::preemption
