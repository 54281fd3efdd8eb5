#include "lib/loop/task_failure.h"

#include <cstdio>
#include <utility>

namespace wherry {
namespace {

TaskFailureHook& Hook() {
  static TaskFailureHook hook;
  return hook;
}

}  // namespace

void SetTaskFailureHook(TaskFailureHook hook) { Hook() = std::move(hook); }

void ReportTaskFailure(std::string_view task, std::string_view what) {
  if (Hook()) return Hook()(task, what);
  std::fprintf(stderr, "task '%.*s' threw: %.*s\n", static_cast<int>(task.size()), task.data(),
               static_cast<int>(what.size()), what.data());
}

}  // namespace wherry
