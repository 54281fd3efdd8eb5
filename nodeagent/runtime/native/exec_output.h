#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/loop/loop.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// The standard streams of a command: nothing to read, one pipe for both outputs, in order.
struct ExecStreams {
  std::vector<linux::Fd> fds;  // stdin, stdout, stderr for the command
  linux::Fd output;            // our end, non-blocking
};
Result<ExecStreams> OpenExecStreams();

// Reads a command's output as it comes, so that the command never waits, and keeps the first 64
// KiB. Loop thread.
class ExecOutput {
 public:
  ExecOutput(Loop& loop, linux::Fd output);
  ~ExecOutput();
  // What is there once the command has ended; processes it left behind are not waited for.
  std::string TakeAll();

 private:
  void Watch();
  // False when there is no more now.
  bool ReadSome();

  Loop& loop_;
  linux::Fd output_;
  std::string text_;
  Loop::WatchId watch_ = 0;
  bool ended_ = false;
};

}  // namespace wherry::nodeagent::runtime::native
