#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// NodeResourcesFit: the node has what the pod asks for; of several, the one with most left over
// (LeastAllocated).
std::unique_ptr<framework::Plugin> MakeNodeResourcesFit();

// NodeResourcesBalancedAllocation: prefers nodes whose cpu and memory would be used in equal
// shares.
std::unique_ptr<framework::Plugin> MakeNodeResourcesBalancedAllocation();

}  // namespace wherry::scheduler::plugins
