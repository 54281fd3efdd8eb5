#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/runtime.h"

#include <functional>
#include <memory>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// Our ends of a command's streams, non-blocking; those that it does not have are invalid. With a
// terminal, `in` and `out` are its master.
struct SessionEnds {
  linux::Fd in;
  linux::Fd out;
  linux::Fd err;
  bool tty = false;
};
struct SessionStreams {
  std::vector<linux::Fd> fds;  // stdin, stdout, stderr for the command
  SessionEnds ours;
};
Result<SessionStreams> OpenSessionStreams(bool with_stdin, bool tty);

// The session of a command that `call` starts and whose end it tells; `kill` ends it early.
std::unique_ptr<ExecSession> MakeExecSession(Loop& loop, SessionEnds ends,
                                             Task<Result<init::ExecExited>> call,
                                             std::function<void()> kill);

}  // namespace wherry::nodeagent::runtime::native
