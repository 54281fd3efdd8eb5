#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// NodeUnschedulable: cordoned nodes take no pods, except those that tolerate the cordon.
std::unique_ptr<framework::Plugin> MakeNodeUnschedulable();

}  // namespace wherry::scheduler::plugins
