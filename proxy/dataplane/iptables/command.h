#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <string>
#include <vector>

namespace wherry::proxy::dataplane {

// Runs a program from the sbin directories with `input` as its stdin and gives its stdout. Errors:
// kNotFound when it is not installed, kInternalError with the first line of its stderr when it
// fails.
Task<Result<std::string>> RunCommand(Loop& loop, std::vector<std::string> arguments,
                                     std::string input);

}  // namespace wherry::proxy::dataplane
