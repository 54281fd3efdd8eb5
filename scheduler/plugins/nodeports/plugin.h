#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// NodePorts: a host port is held by one pod of a node.
std::unique_ptr<framework::Plugin> MakeNodePorts();

}  // namespace wherry::scheduler::plugins
