#pragma once

#include "lib/base/result.h"
#include "scheduler/framework/indexes.h"
#include "scheduler/framework/plugin.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wherry::scheduler::cycle {

// Upstream's default profile: which rules there are and how much each preference weighs. The
// indexes outlive them.
framework::Plugins DefaultPlugins(framework::Indexes& indexes);

struct Placement {
  std::string node_name;
  int64_t nodes_evaluated = 0;
  int64_t nodes_feasible = 0;
};

// Why no node was found: how many nodes gave each reason.
struct FitError {
  int64_t nodes_total = 0;
  std::map<std::string, int64_t> nodes_by_reason;
  void Count(const std::vector<framework::Rejection>& rejections);
  // "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable."
  std::string Message() const;
};

struct Decision {
  bool scheduled = false;
  Placement placement;
  FitError fit_error;  // when not scheduled
};

// Chooses a node for the pod. `start` is where the search begins (so that no node is always first)
// and is moved on; `tie_breaker` chooses among equals. With more than a hundred nodes the search
// stops when enough fit (percentageOfNodesToScore: pkg/scheduler/schedule_one.go). Pure apart from
// its two arguments.
Decision Schedule(const framework::Plugins& plugins, const framework::PodInfo& pod,
                  const framework::Snapshot& nodes, size_t& start, uint64_t tie_breaker);

}  // namespace wherry::scheduler::cycle
