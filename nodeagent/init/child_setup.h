#pragma once

#include "nodeagent/init/child.h"

#include <string>
#include <vector>

// Steps that a container's first process and those that enter it later have in common. All are
// called in the child.
namespace wherry::nodeagent::init {

// Closes every descriptor above 2 but `kept`. A child is visible in the container from its first
// moment, and what it holds of the supervisor's (state and log directories, the node's /proc) must
// not be: CVE-2016-9962, CVE-2024-21626. Call it again before the container's privileges are taken.
Status CloseAllBut(std::vector<int> kept);
// Default signal actions, nothing blocked, a session and keyrings of its own, dies with the
// supervisor.
Status BecomeChild();
// Moves the calling, single-threaded process into the v1 cgroups.
Status JoinCgroups(const std::vector<linux::Fd>& tasks);
Status TakeStdio(const ChildStdio& stdio);
// Opens a terminal in the container's /dev/pts, makes it the controlling one and sends its master
// side to the supervisor. `console` also shows it at /dev/console.
Status TakeTerminal(int report, bool console);
// Drops privileges, enters the working directory and executes. Returns only on failure; `report`
// is open then, and everything else but the standard streams is closed.
Error RunProgram(const ContainerSpec& spec, const std::vector<std::string>& arguments,
                 const linux::SeccompProgram& default_filter, int report);
// Says why to the supervisor and ends the process.
[[noreturn]] void FailChild(int report, const Error& error, ChildReport kind);

}  // namespace wherry::nodeagent::init
