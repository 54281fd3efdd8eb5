#pragma once

#include <functional>
#include <string_view>

namespace wherry {

// What happens when a task of a TaskScope throws, which is a bug: whatever waits for it waits for
// ever. A process that can be started anew ends itself here. Set it before tasks run, on the loop's
// thread; without one the task and the exception's text are written to stderr.
using TaskFailureHook = std::function<void(std::string_view task, std::string_view what)>;
void SetTaskFailureHook(TaskFailureHook hook);

void ReportTaskFailure(std::string_view task, std::string_view what);

}  // namespace wherry
