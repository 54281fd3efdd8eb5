#pragma once

#include "lib/base/result.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::init {

// The file that `name` means for a process with this environment: `name` itself when it has a
// slash, else the first executable on $PATH. Errors: kNotFound and kForbidden, worded as upstream's
// runtimes word them: `exec: "x": executable file not found in $PATH`.
Result<std::string> FindExecutable(const std::string& name,
                                   const std::vector<std::string>& environment);

// The value of `name` in "NAME=value" strings, or null; the last one counts.
const char* FindVariable(const std::vector<std::string>& environment, const std::string& name);

// execve(2) with the lookup above. Returns only on failure.
Error Execute(const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment);

}  // namespace wherry::nodeagent::init
