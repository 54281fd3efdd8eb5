#pragma once

#include "nodeagent/init/child.h"

#include <string>
#include <vector>

// Steps that a container's first process and those that enter it later have in common. All are
// called in the child.
namespace wherry::nodeagent::init {

// Default signal actions, nothing blocked, a session of its own, dies with the supervisor.
Status BecomeChild();
// Moves the calling, single-threaded process into the v1 cgroups.
Status JoinCgroups(const std::vector<linux::Fd>& tasks);
Status TakeStdio(const ChildStdio& stdio);
// Opens a terminal in the container's /dev/pts, makes it the controlling one and sends its master
// side to the supervisor. `console` also shows it at /dev/console.
Status TakeTerminal(int report, bool console);
// Drops privileges, enters the working directory and executes. Returns only on failure.
Error RunProgram(const ContainerSpec& spec, const std::vector<std::string>& arguments,
                 const linux::SeccompProgram& default_filter);
// Says why to the supervisor and ends the process.
[[noreturn]] void FailChild(int report, const Error& error, ChildReport kind);

}  // namespace wherry::nodeagent::init
