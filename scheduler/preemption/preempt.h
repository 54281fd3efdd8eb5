#pragma once

#include "lib/loop/loop.h"
#include "lib/loop/task.h"
#include "scheduler/cache/cache.h"
#include "scheduler/cycle/schedule.h"
#include "scheduler/framework/plugin.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::api::policy::v1 {
class PodDisruptionBudget;
}

namespace wherry::scheduler::preemption {

using Budgets = std::vector<std::shared_ptr<const api::policy::v1::PodDisruptionBudget>>;

struct Candidate {
  std::string node_name;
  std::vector<framework::PodInfoPtr> victims;  // the most important one first
  int64_t budget_violations = 0;
};

// Why the pod may not take the place of others, in upstream's words: its policy forbids it, or it
// waits already for pods that are on their way out of its nominated node. "": it may.
std::string WhyNotEligible(const framework::PodInfo& pod, cache::Cache& cache);

struct Search {
  std::optional<Candidate> candidate;
  cycle::FitError fit_error;  // without a candidate: what each node has against it
};

// The node where the pod would fit if pods of lower priority went, with as few of them as need to;
// none when there is no such node. Among nodes the one is taken that violates the fewest disruption
// budgets, then whose most important victim is least important, then with the least sum of
// priorities, then with the fewest victims, then whose most important victims started last. With
// many nodes the search stops at a tenth of them, at least a hundred.
//
// Others use the loop between two nodes, and the cluster may change meanwhile: a candidate was one
// when its node was looked at. The cache is changed in between and is as before whenever others
// run. Loop, plugins and cache outlive the task. Source: pkg/scheduler/framework/preemption and
// plugins/defaultpreemption.
Task<Search> FindCandidate(Loop& loop, const framework::Plugins& plugins, framework::PodInfoPtr pod,
                           cache::Cache& cache, Budgets budgets, size_t start);

}  // namespace wherry::scheduler::preemption
