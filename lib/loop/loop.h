#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

// Forward declaration only: asio stays in .cpp files.
namespace boost::asio {
class io_context;
}

namespace wherry {

// Time since an arbitrary start; never goes back. CLOCK_MONOTONIC in production, virtual in the
// simulator.
using MonotonicTime = std::chrono::steady_clock::time_point;
// UTC. CLOCK_REALTIME in production, virtual in the simulator.
using WallTime = std::chrono::system_clock::time_point;

// The event loop that owns all state of a process on one thread.
//
// Lifecycle: made by `main`, outlives everything that runs on it. All methods are for the loop's
// own thread unless said otherwise. Callbacks never run inside the call that registered them.
class Loop {
 public:
  using Callback = std::function<void()>;
  using TimerId = uint64_t;  // 0 is never used
  using WatchId = uint64_t;  // 0 is never used

  enum class FdEvent { kReadable, kWritable };

  virtual ~Loop() = default;

  // Runs `callback` in a later turn, first come first served.
  virtual void Post(Callback callback) = 0;
  // The same from any thread; the only thread-safe method.
  virtual void PostFromAnyThread(Callback callback) = 0;

  // Runs `callback` once `deadline` has passed. Cancelling an id that has fired or been cancelled
  // does nothing.
  virtual TimerId RunAt(MonotonicTime deadline, Callback callback) = 0;
  virtual void CancelTimer(TimerId id) = 0;

  // Runs `callback` once when `fd` is ready, then forgets it. The fd must stay open until then or
  // until Unwatch. One watch per fd and event at a time. The simulator's loop refuses (CHECK):
  // simulated code has no fds.
  virtual WatchId WatchFd(int fd, FdEvent event, Callback callback) = 0;
  virtual void UnwatchFd(WatchId id) = 0;

  virtual MonotonicTime MonotonicNow() const = 0;

  // Runs until Stop(). Stop may be called from any thread and from callbacks.
  virtual void Run() = 0;
  virtual void Stop() = 0;

  // The asio context behind this loop, for lib/http's sockets; null in the simulator.
  virtual boost::asio::io_context* asio_context() = 0;
};

}  // namespace wherry
