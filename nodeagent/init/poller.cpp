#include "nodeagent/init/poller.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace wherry::nodeagent::init {

Result<Poller> Poller::Make() {
  linux::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoError(errno, "epoll_create1");
  return Poller(std::move(epoll));
}

void Poller::Watch(int fd, uint32_t events, Callback callback) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  bool known = callbacks_.contains(fd);
  int failed = ::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  CHECK(failed == 0);
  callbacks_[fd] = std::make_shared<Callback>(std::move(callback));
}

void Poller::Forget(int fd) {
  if (callbacks_.erase(fd) == 0) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::RunOnce() {
  std::array<epoll_event, 32> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    auto found = callbacks_.find(event.data.fd);
    if (found == callbacks_.end()) continue;  // forgotten by an earlier callback of this round
    auto callback = found->second;
    (*callback)(event.events);
  }
}

}  // namespace wherry::nodeagent::init
