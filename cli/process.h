#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <functional>
#include <string>

namespace wherry::cli {

// Runs a component until SIGTERM or SIGINT: `start` comes up, `stop` goes down in good order (at
// most 10 s, then the process ends anyway; a second signal ends it at once). Returns the exit code:
// 0 after a signal, 1 when `start` fails.
int RunUntilSignal(RealWorld& world, std::function<Task<Status>()> start,
                   std::function<Task<void>()> stop);

// Runs one task to its end and returns its status as an exit code, the error on stderr.
int RunToEnd(RealWorld& world, std::function<Task<Status>()> task);

// Prints "wherry: <message>" on stderr.
void PrintError(const Error& error);

// The host's name (uname nodename) in lower case.
std::string HostName();
// Milliseconds since this process was started, by /proc/self/stat.
int64_t MillisecondsSinceStart();
// The directory of this executable: wherry-init lies beside it.
std::string ExecutableDirectory();

}  // namespace wherry::cli
