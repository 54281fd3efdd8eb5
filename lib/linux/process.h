#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace wherry::linux {

// A descriptor that refers to one process and never to a later one with the same number; readable
// once the process has ended. Source: pidfd_open(2).
class Pidfd {
 public:
  Pidfd() = default;
  explicit Pidfd(Fd fd) : fd_(std::move(fd)) {}
  // Errors: kNotFound when there is no such process.
  static Result<Pidfd> Open(pid_t pid);

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  // Errors: kNotFound when the process has ended.
  Status Signal(int signal) const;
  bool HasEnded() const;

 private:
  Fd fd_;
};

// A program started by this one. Killed with SIGKILL and reaped by the destructor unless Reap or
// Release was called.
class Process {
 public:
  struct Options {
    std::vector<std::string> arguments;        // arguments[0] is the program's absolute path
    std::vector<std::string> environment;      // "NAME=value"
    std::vector<std::pair<int, int>> inherit;  // {ours, the child's number}
    bool new_session = false;
  };
  // posix_spawn(3): the parent's memory is not copied. Descriptors other than `inherit` and 0-2 are
  // expected to be close-on-exec.
  static Result<Process> Spawn(const Options& options);

  Process() = default;
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  const Pidfd& pidfd() const { return pidfd_; }
  // Waits for the end; the result is as waitpid's status. Blocking.
  Result<int> Reap();
  // Gives up ownership: the program lives on its own.
  void Release() { pid_ = -1; }

 private:
  pid_t pid_ = -1;
  Pidfd pidfd_;
};

}  // namespace wherry::linux
