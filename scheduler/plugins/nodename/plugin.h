#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// NodeName: spec.nodeName, when a pod that is not bound yet names one.
std::unique_ptr<framework::Plugin> MakeNodeName();

}  // namespace wherry::scheduler::plugins
