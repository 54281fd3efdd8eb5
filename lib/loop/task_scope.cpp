#include "lib/loop/task_scope.h"

#include "lib/loop/task_failure.h"

#include <exception>
#include <list>

namespace wherry {

struct TaskScope::State {
  struct Entry {
    std::string name;
    Task<void> root;
  };
  explicit State(Loop& owner) : loop(owner) {}

  Loop& loop;
  std::list<Entry> entries;
};

namespace {

// The one catch of a spawned task; `ended` runs in a later turn because a frame cannot destroy
// itself.
Task<void> RunRoot(std::string name, Task<void> task, Loop& loop, Loop::Callback ended) {
  try {
    co_await std::move(task);
  } catch (const std::exception& exception) {
    ReportTaskFailure(name, exception.what());
  } catch (...) {
    ReportTaskFailure(name, "something that is no std::exception");
  }
  loop.Post(std::move(ended));
}

}  // namespace

TaskScope::TaskScope(Loop& loop) : state_(std::make_shared<State>(loop)) {}

TaskScope::~TaskScope() { Cancel(); }

void TaskScope::Spawn(std::string name, Task<void> task) {
  std::weak_ptr<State> weak = state_;
  auto entry = state_->entries.emplace(state_->entries.end());
  entry->name = name;
  auto ended = [weak, entry] {
    if (auto state = weak.lock()) state->entries.erase(entry);
  };
  entry->root = RunRoot(std::move(name), std::move(task), state_->loop, std::move(ended));
  state_->loop.Post([weak, entry] {
    if (auto state = weak.lock()) entry->root.Start();
  });
}

void TaskScope::Cancel() {
  // Callbacks that still name an entry hold the old state weakly: they find it gone.
  auto old = std::exchange(state_, std::make_shared<State>(state_->loop));
  old->entries.clear();
}

size_t TaskScope::size() const { return state_->entries.size(); }

}  // namespace wherry
