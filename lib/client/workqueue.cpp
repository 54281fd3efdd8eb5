#include "lib/client/workqueue.h"

#include "lib/telemetry/log.h"
#include "lib/telemetry/metrics.h"

#include <algorithm>
#include <exception>

namespace wherry::client {
namespace {

constexpr telemetry::Logger log("workqueue");

telemetry::Counter Retries(const std::string& queue) {
  return telemetry::DefaultRegistry().CounterAt(
      "workqueue_retries_total", "Total number of retries handled by workqueue", {{"name", queue}});
}

}  // namespace

WorkQueue::WorkQueue(World& world, std::string name)
    : WorkQueue(world, std::move(name), Options()) {}
WorkQueue::WorkQueue(World& world, std::string name, Options options)
    : world_(world), name_(std::move(name)), options_(options), changed_(world.loop) {}

WorkQueue::~WorkQueue() {
  for (const auto& [key, waiting] : delayed_) world_.loop.CancelTimer(waiting.second);
}

void WorkQueue::Add(std::string key) {
  if (!queued_.insert(key).second) return;
  // A key in somebody's hands enters the order once it is put down.
  if (working_.contains(key)) return;
  order_.push_back(std::move(key));
  changed_.Notify();
}

void WorkQueue::AddAfter(std::string key, std::chrono::nanoseconds delay) {
  if (delay <= std::chrono::nanoseconds::zero()) return Add(std::move(key));
  const MonotonicTime deadline =
      world_.clock.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(delay);
  auto waiting = delayed_.find(key);
  if (waiting != delayed_.end()) {
    if (waiting->second.first <= deadline) return;
    world_.loop.CancelTimer(waiting->second.second);
    delayed_.erase(waiting);
  }
  const Loop::TimerId timer = world_.loop.RunAt(deadline, [this, key] {
    delayed_.erase(key);
    Add(key);
  });
  delayed_.emplace(std::move(key), std::pair(deadline, timer));
}

void WorkQueue::AddRateLimited(std::string key) {
  const int failures = failures_[key]++;
  std::chrono::nanoseconds delay = options_.base_delay;
  for (int i = 0; i < failures && delay < options_.max_delay; ++i) delay *= 2;
  Retries(name_).Increment();
  AddAfter(std::move(key), std::min<std::chrono::nanoseconds>(delay, options_.max_delay));
}

void WorkQueue::Forget(const std::string& key) { failures_.erase(key); }

int WorkQueue::Failures(const std::string& key) const {
  auto it = failures_.find(key);
  return it == failures_.end() ? 0 : it->second;
}

void WorkQueue::Run(TaskScope& scope, int workers,
                    std::function<Task<Status>(std::string key)> reconcile) {
  for (int i = 0; i < workers; ++i) scope.Spawn(name_ + " worker", Work(reconcile));
}

Task<void> WorkQueue::Work(std::function<Task<Status>(std::string key)> reconcile) {
  while (true) {
    while (order_.empty()) co_await changed_.Wait();
    std::string key = std::move(order_.front());
    order_.pop_front();
    queued_.erase(key);
    working_.insert(key);
    Status outcome = Ok();
    // A bug in one object's reconciliation must not take the key, nor the worker, away for good.
    try {
      auto reconciling = reconcile(key);
      outcome = co_await std::move(reconciling);
    } catch (const std::exception& exception) {
      outcome = MakeError(Reason::kInternalError, std::string("threw: ") + exception.what());
    }
    if (outcome.ok()) {
      Forget(key);
    } else {
      log.Warn("reconcile failed, trying again", {{"queue", name_},
                                                  {"key", key},
                                                  {"failures", Failures(key) + 1},
                                                  {"error", outcome.error().message}});
      AddRateLimited(key);
    }
    Done(key);
  }
}

void WorkQueue::Done(const std::string& key) {
  working_.erase(key);
  if (!queued_.contains(key)) return;
  order_.push_back(key);
  changed_.Notify();
}

}  // namespace wherry::client
