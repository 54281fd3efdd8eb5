#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"
#include "nodeagent/runtime/native/native_pod.h"
#include "nodeagent/runtime/runtime.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// Runs a command in a running container to its end and keeps what it wrote; a timeout of zero or
// less waits a day. The command is killed when the time is over. Errors: kTimeout, kInternalError
// when it cannot be executed, kServiceUnavailable when the supervisor goes.
Task<Result<ExecResult>> RunCommand(Loop& loop, std::shared_ptr<NativePod> pod,
                                    std::string container, std::vector<std::string> command,
                                    std::chrono::milliseconds timeout);

}  // namespace wherry::nodeagent::runtime::native
