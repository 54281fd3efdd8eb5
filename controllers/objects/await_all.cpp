#include "controllers/objects/await_all.h"

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"

#include <memory>

namespace wherry::controllers {
namespace {

struct Progress {
  Progress(Loop& loop, size_t count) : outcomes(count, Ok()), left(count), changed(loop) {}
  std::vector<Status> outcomes;
  size_t left;
  Notifier changed;
};

Task<void> RunOne(Task<Status> task, std::shared_ptr<Progress> progress, size_t index) {
  Status outcome = co_await std::move(task);
  progress->outcomes[index] = std::move(outcome);
  if (--progress->left == 0) progress->changed.Notify();
}

}  // namespace

Task<std::vector<Status>> AwaitAll(Loop& loop, std::vector<Task<Status>> tasks) {
  auto progress = std::make_shared<Progress>(loop, tasks.size());
  TaskScope scope(loop);
  for (size_t i = 0; i < tasks.size(); ++i)
    scope.Spawn("one of many", RunOne(std::move(tasks[i]), progress, i));
  while (progress->left > 0) co_await progress->changed.Wait();
  co_return std::move(progress->outcomes);
}

}  // namespace wherry::controllers
