#pragma once

#include "scheduler/framework/plugin.h"

#include <memory>
#include <vector>

namespace wherry::scheduler::cycle {

// Every rule that a node must meet for one pod. Lives for one decision; all that it is made of
// outlives it.
class PodFilters {
 public:
  PodFilters(const framework::Plugins& plugins, const framework::PodInfo& pod,
             const framework::Snapshot& nodes);

  // Nothing when the pod fits; else the reasons of the first rule that is not met. Pods of the same
  // or a higher priority that wait for room on the node count as if they were there already.
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const;

  // A dry run took `other` away from the node (`by` -1) or put it back (1), in the indexes too.
  // Refresh comes before the next Check.
  void FollowPod(const framework::PodInfo& other, const framework::NodeInfo& node, int64_t by);
  void Refresh();

 private:
  std::vector<framework::Rejection> CheckAsIs(const framework::NodeInfo& node) const;

  struct Rule {
    const framework::Plugin* plugin;
    std::unique_ptr<framework::NodeFilter> filter;  // null: nothing to say about this pod
  };
  const framework::PodInfo& pod_;
  const framework::Snapshot& nodes_;
  std::vector<Rule> rules_;
};

}  // namespace wherry::scheduler::cycle
