#pragma once

#include "lib/loop/loop.h"

#include <functional>
#include <memory>

namespace wherry::http {

// Tells when one file descriptor is ready, registered with epoll once for its whole life (which
// Loop::WatchFd is not: that pays two system calls per wait).
//
// Loop thread, loops with an asio context only. The fd stays open until after the watcher is gone,
// and is not owned by it. Callbacks do not run after destruction; they may destroy the watcher.
class FdWatcher {
 public:
  FdWatcher(Loop& loop, int fd, std::function<void()> on_readable,
            std::function<void()> on_writable = nullptr);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  // Calls back once, in a later turn, when the fd is ready or broken. Asking again while waiting
  // changes nothing.
  void WaitReadable();
  void WaitWritable();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wherry::http
