#pragma once

#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <memory>
#include <string>

namespace wherry {

// Owns spawned tasks: its end cancels (destroys) those that have not ended. Loop thread only.
//
// A task that throws is reported (task_failure.h) and counted as ended; our code does not throw,
// libraries might. A task must not destroy the scope that owns it: post that to the loop instead.
class TaskScope {
 public:
  explicit TaskScope(Loop& loop);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Starts `task` in a later turn of the loop. `name` appears in error reports.
  void Spawn(std::string name, Task<void> task);
  // Cancels all tasks now. Not from inside one of them.
  void Cancel();
  // Number of tasks that have not ended.
  size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wherry
