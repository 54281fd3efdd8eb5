#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// TaintToleration: untolerated NoSchedule and NoExecute taints forbid, PreferNoSchedule ones cost.
std::unique_ptr<framework::Plugin> MakeTaintToleration();

}  // namespace wherry::scheduler::plugins
