#pragma once

#include "scheduler/framework/affinity_index.h"
#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// Pods that want to be, must be, or must not be where others are, and others that do not want them
// near. The index outlives the plugin. Source: pkg/scheduler/framework/plugins/interpodaffinity.
std::unique_ptr<framework::Plugin> MakeInterPodAffinity(framework::AffinityIndex& index);

}  // namespace wherry::scheduler::plugins
