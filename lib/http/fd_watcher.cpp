#include "lib/http/fd_watcher.h"

#include "lib/base/check.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace wherry::http {

namespace asio = boost::asio;

struct FdWatcher::State {
  State(asio::io_context& context, int fd) : descriptor(context, fd) {}
  asio::posix::stream_descriptor descriptor;
  std::function<void()> on_readable;
  std::function<void()> on_writable;
  bool waits_readable = false;
  bool waits_writable = false;
  bool alive = true;
};

FdWatcher::FdWatcher(Loop& loop, int fd, std::function<void()> on_readable,
                     std::function<void()> on_writable) {
  CHECK_THAT(loop.asio_context() != nullptr, "the simulator has no file descriptors");
  state_ = std::make_shared<State>(*loop.asio_context(), fd);
  state_->on_readable = std::move(on_readable);
  state_->on_writable = std::move(on_writable);
}

FdWatcher::~FdWatcher() {
  state_->alive = false;
  state_->descriptor.release();
}

void FdWatcher::WaitReadable() {
  if (std::exchange(state_->waits_readable, true)) return;
  auto ready = [state = state_](const boost::system::error_code&) {
    state->waits_readable = false;
    if (state->alive) state->on_readable();
  };
  state_->descriptor.async_wait(asio::posix::descriptor_base::wait_read, std::move(ready));
}

void FdWatcher::WaitWritable() {
  if (std::exchange(state_->waits_writable, true)) return;
  auto ready = [state = state_](const boost::system::error_code&) {
    state->waits_writable = false;
    if (state->alive) state->on_writable();
  };
  state_->descriptor.async_wait(asio::posix::descriptor_base::wait_write, std::move(ready));
}

}  // namespace wherry::http
