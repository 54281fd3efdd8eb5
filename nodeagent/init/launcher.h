#pragma once

#include "lib/linux/fd.h"

namespace wherry::nodeagent::init {

// Runs the launcher until `control` is closed by the agent, and returns the exit code.
//
// The launcher is started once by the agent. It puts itself into a mount namespace that holds an
// empty root and nothing of the node, so that pods neither see the node's files nor keep its
// mounts busy, and forks a supervisor for every StartSupervisor it is sent. Supervisors live on
// when it ends.
int RunLauncher(linux::Fd control);

}  // namespace wherry::nodeagent::init
