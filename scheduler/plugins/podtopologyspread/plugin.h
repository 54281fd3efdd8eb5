#pragma once

#include "scheduler/framework/plugin.h"
#include "scheduler/framework/sibling_index.h"

namespace wherry::scheduler::plugins {

// PodTopologySpread: spreads matching pods over the values of a node label (KEP-895), with the
// default spreading of replicas over hosts and zones for pods that have no constraints of their
// own.
std::unique_ptr<framework::Plugin> MakePodTopologySpread(const framework::SiblingIndex& siblings);

}  // namespace wherry::scheduler::plugins
