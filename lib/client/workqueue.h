#pragma once

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace wherry::client {

// Keys to reconcile, each at most once in the queue and never by two workers at a time; a key added
// while it is being worked on is queued again afterwards. client-go's rate-limiting workqueue. Loop
// thread.
class WorkQueue {
 public:
  struct Options {
    std::chrono::milliseconds base_delay{5};
    std::chrono::milliseconds max_delay{std::chrono::seconds(1000)};
  };
  WorkQueue(World& world, std::string name);
  WorkQueue(World& world, std::string name, Options options);
  ~WorkQueue();

  void Add(std::string key);
  void AddAfter(std::string key, std::chrono::nanoseconds delay);
  // After base_delay doubled per failure since the last Forget, at most max_delay.
  void AddRateLimited(std::string key);
  void Forget(const std::string& key);
  int Failures(const std::string& key) const;

  // Runs `reconcile` for each key with `workers` coroutines in `scope`, for ever. An error is
  // logged, counted and retried with back-off; success forgets the failures.
  void Run(TaskScope& scope, int workers, std::function<Task<Status>(std::string key)> reconcile);

  const std::string& name() const { return name_; }
  size_t size() const { return order_.size(); }

 private:
  Task<void> Work(std::function<Task<Status>(std::string key)> reconcile);
  void Done(const std::string& key);

  World& world_;
  std::string name_;
  Options options_;
  Notifier changed_;
  std::deque<std::string> order_;
  std::set<std::string> queued_;
  std::set<std::string> working_;
  std::map<std::string, int> failures_;
  std::map<std::string, std::pair<MonotonicTime, Loop::TimerId>> delayed_;
};

}  // namespace wherry::client
