#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <chrono>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace wherry {

// Awaitables. All are loop-thread only and may be destroyed while suspended (that is how a wait is
// cancelled).

namespace sync_internal {
// A suspended coroutine's place in somebody's callback: resumes it at most once, and not after it
// was destroyed.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (alive_) *alive_ = false;
  }
  // A callback that resumes `handle` if this Waiter still exists when it runs.
  std::function<void()> Arm(std::coroutine_handle<> handle) {
    alive_ = std::make_shared<bool>(true);
    return [alive = alive_, handle] {
      if (std::exchange(*alive, false)) handle.resume();
    };
  }

 private:
  std::shared_ptr<bool> alive_;
};
}  // namespace sync_internal

// co_await SleepFor(loop, 30s);
class SleepUntil {
 public:
  SleepUntil(Loop& loop, MonotonicTime deadline) : loop_(loop), deadline_(deadline) {}
  SleepUntil(const SleepUntil&) = delete;
  ~SleepUntil() {
    if (timer_ != 0) loop_.CancelTimer(timer_);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    timer_ = loop_.RunAt(deadline_, [this, handle] {
      timer_ = 0;
      handle.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  MonotonicTime deadline_;
  Loop::TimerId timer_ = 0;
};
inline SleepUntil SleepFor(Loop& loop, std::chrono::nanoseconds duration) {
  return SleepUntil(
      loop, loop.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(duration));
}

// co_await Yield(loop); lets everything already posted run first.
class Yield {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { loop_.Post(waiter_.Arm(handle)); }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  sync_internal::Waiter waiter_;
};

// co_await FdReady(loop, fd, Loop::FdEvent::kReadable);
class FdReady {
 public:
  FdReady(Loop& loop, int fd, Loop::FdEvent event) : loop_(loop), fd_(fd), event_(event) {}
  FdReady(const FdReady&) = delete;
  ~FdReady() {
    if (watch_ != 0) loop_.UnwatchFd(watch_);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    watch_ = loop_.WatchFd(fd_, event_, [this, handle] {
      watch_ = 0;
      handle.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  int fd_;
  Loop::FdEvent event_;
  Loop::WatchId watch_ = 0;
};

// A value delivered later by a callback: the bridge from callback code into coroutines.
// Copies share a state; the first Set wins. Who waits for a value that nobody sets waits for ever.
template <typename T>
class OneShot {
 public:
  explicit OneShot(Loop& loop) : state_(std::make_shared<State>(loop)) {}

  // Sets the value; the awaiting coroutine resumes in a later turn.
  void Set(T value) const {
    if (state_->value) return;
    state_->value.emplace(std::move(value));
    if (state_->resume) state_->loop.Post(std::exchange(state_->resume, nullptr));
  }
  bool is_set() const { return state_->value.has_value(); }

  // co_await shot.Wait(): the value, moved out. One waiter.
  auto Wait() const {
    struct Awaiter {
      std::shared_ptr<struct OneShot::State> state;
      sync_internal::Waiter waiter;
      bool await_ready() const noexcept { return state->value.has_value(); }
      void await_suspend(std::coroutine_handle<> handle) { state->resume = waiter.Arm(handle); }
      T await_resume() { return std::move(*state->value); }
    };
    return Awaiter{state_, {}};
  }

 private:
  struct State {
    explicit State(Loop& owner) : loop(owner) {}
    Loop& loop;
    std::optional<T> value;
    std::function<void()> resume;
  };
  std::shared_ptr<State> state_;
};

// Wakes all waiters at each Notify. Does not remember notifications: check the condition, then
// wait, in one turn.
class Notifier {
 public:
  explicit Notifier(Loop& loop) : loop_(loop) {}
  void Notify() {
    for (auto& resume : std::exchange(waiting_, {})) loop_.Post(std::move(resume));
  }
  auto Wait() {
    struct Awaiter {
      Notifier& notifier;
      sync_internal::Waiter waiter;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        notifier.waiting_.push_back(waiter.Arm(handle));
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this, {}};
  }

 private:
  Loop& loop_;
  std::deque<std::function<void()>> waiting_;
};

// A bounded queue between coroutines. Push refuses when full or closed; Pop waits, and returns
// nullopt once the channel is closed and drained. One popper at a time.
template <typename T>
class Channel {
 public:
  Channel(Loop& loop, size_t capacity) : changed_(loop), capacity_(capacity) {}

  bool Push(T value) {
    if (closed_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(value));
    changed_.Notify();
    return true;
  }
  void Close() {
    closed_ = true;
    changed_.Notify();
  }
  bool closed() const { return closed_; }
  size_t size() const { return queue_.size(); }

  std::optional<T> TryPop() {
    if (queue_.empty()) return std::nullopt;
    std::optional<T> value = std::move(queue_.front());
    queue_.pop_front();
    return value;
  }
  Task<std::optional<T>> Pop() {
    while (queue_.empty() && !closed_) co_await changed_.Wait();
    co_return TryPop();
  }

 private:
  Notifier changed_;
  std::deque<T> queue_;
  size_t capacity_;
  bool closed_ = false;
};

// Awaits `task` at most until `timeout` has passed; on timeout the task is cancelled and
// Reason::kTimeout returned.
template <typename T>
Task<Result<T>> WithTimeout(Loop& loop, std::chrono::nanoseconds timeout, Task<Result<T>> task);

}  // namespace wherry

#include "lib/loop/with_timeout.h"
