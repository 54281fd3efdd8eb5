#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace wherry::nodeagent::init {

// A small epoll loop: level-triggered callbacks per descriptor. Callbacks may add and remove any
// descriptor, their own included.
class Poller {
 public:
  using Callback = std::function<void(uint32_t events)>;

  static Result<Poller> Make();
  Poller() = default;

  // `events` are EPOLLIN, EPOLLOUT. Replaces an earlier registration of `fd`.
  void Watch(int fd, uint32_t events, Callback callback);
  void Forget(int fd);
  // Waits for events and runs their callbacks once.
  void RunOnce();

 private:
  explicit Poller(linux::Fd epoll) : epoll_(std::move(epoll)) {}

  linux::Fd epoll_;
  std::map<int, std::shared_ptr<Callback>> callbacks_;
};

}  // namespace wherry::nodeagent::init
