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
// terminal, `in` is its master.
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
// Without a terminal.
Result<SessionStreams> OpenSessionStreams(bool with_stdin);
// Both ends are the terminal's `master`.
Result<SessionEnds> TerminalEnds(linux::Fd master);

// The session of a command that `call` starts and whose end it tells; `kill` ends it early.
std::unique_ptr<ExecSession> MakeExecSession(Loop& loop, SessionEnds ends,
                                             Task<Result<init::ExecExited>> call,
                                             std::function<void()> kill);

// The session of somebody who is attached to a container: it ends, with exit code 0, when both
// outputs have ended. `close_input` is called once when the client's input has ended, or with the
// session. Closing the input of a terminal does nothing: it is not the client's alone.
std::unique_ptr<ExecSession> MakeAttachSession(Loop& loop, SessionEnds ends,
                                               std::function<void()> close_input);

}  // namespace wherry::nodeagent::runtime::native
