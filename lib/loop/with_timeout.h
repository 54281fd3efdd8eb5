#pragma once

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"

#include <string>
#include <utility>

namespace wherry {

namespace sync_internal {
template <typename T>
Task<void> Deliver(Task<Result<T>> task, OneShot<Result<T>> shot) {
  try {
    auto result = co_await std::move(task);
    shot.Set(std::move(result));
  } catch (...) {
    // A bug, which the scope reports; whoever waits must not wait for the timeout.
    shot.Set(MakeError(Reason::kInternalError, "the task failed"));
    throw;
  }
}
}  // namespace sync_internal

template <typename T>
Task<Result<T>> WithTimeout(Loop& loop, std::chrono::nanoseconds timeout, Task<Result<T>> task) {
  OneShot<Result<T>> shot(loop);
  TaskScope scope(loop);
  scope.Spawn("with timeout", sync_internal::Deliver<T>(std::move(task), shot));
  struct Timer {
    Loop& loop;
    Loop::TimerId id;
    ~Timer() { loop.CancelTimer(id); }
  };
  auto expire = [shot] { shot.Set(MakeError(Reason::kTimeout, "deadline exceeded")); };
  auto deadline =
      loop.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(timeout);
  Timer timer{loop, loop.RunAt(deadline, std::move(expire))};
  auto result = co_await shot.Wait();
  co_return result;
}

}  // namespace wherry
