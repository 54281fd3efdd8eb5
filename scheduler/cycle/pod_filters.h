#pragma once

#include "scheduler/framework/plugin.h"

#include <memory>
#include <vector>

namespace wherry::scheduler::cycle {

// Every rule that a node must meet for one pod. Lives for one decision.
class PodFilters {
 public:
  PodFilters(const framework::Plugins& plugins, const framework::PodInfo& pod,
             const framework::Snapshot& nodes);

  // Nothing when the pod fits; else the reasons of the first rule that is not met. Pods of the same
  // or a higher priority that wait for room on the node count as if they were there already.
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const;

 private:
  std::vector<framework::Rejection> CheckAsIs(const framework::NodeInfo& node) const;

  const framework::PodInfo& pod_;
  std::vector<std::unique_ptr<framework::NodeFilter>> filters_;
};

}  // namespace wherry::scheduler::cycle
