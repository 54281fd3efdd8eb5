#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/linux/process.h"

#include <string>
#include <vector>

namespace wherry::linux {

// A program from the sbin directories that reads `input` as its stdin and whose stdout is wanted.
class Command {
 public:
  // Errors: kNotFound when it is not installed.
  static Result<Command> Start(std::vector<std::string> arguments, const std::string& input);

  // Readable once the program has ended.
  const Pidfd& pidfd() const { return process_.pidfd(); }
  // Waits for the end and gives what it wrote. Blocking. Errors: kInternalError with the first line
  // of its stderr when it failed.
  Result<std::string> Finish();

 private:
  Command(std::string name, Process process, Fd out, Fd err)
      : name_(std::move(name)),
        process_(std::move(process)),
        out_(std::move(out)),
        err_(std::move(err)) {}

  std::string name_;
  Process process_;
  Fd out_;
  Fd err_;
};

// Start and Finish. Blocking.
Result<std::string> RunCommand(std::vector<std::string> arguments, const std::string& input);

}  // namespace wherry::linux
