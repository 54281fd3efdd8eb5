#include "lib/loop/asio_loop.h"

#include "lib/base/check.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unordered_map>
#include <utility>

namespace wherry {
namespace {

namespace asio = boost::asio;

class AsioLoop : public Loop {
 public:
  ~AsioLoop() override {
    // The caller still owns its fds; only forget them.
    for (auto& [fd, entry] : fds_) entry.descriptor.release();
  }

  void Post(Callback callback) override { asio::post(context_, std::move(callback)); }
  void PostFromAnyThread(Callback callback) override { asio::post(context_, std::move(callback)); }

  TimerId RunAt(MonotonicTime deadline, Callback callback) override {
    const TimerId id = ++last_id_;
    auto [it, inserted] = timers_.try_emplace(id, context_, deadline);
    it->second.async_wait(
        [this, id, callback = std::move(callback)](const boost::system::error_code& error) {
          // Erased by CancelTimer, possibly after the wait had already completed.
          if (error || timers_.erase(id) == 0) return;
          callback();
        });
    return id;
  }
  void CancelTimer(TimerId id) override { timers_.erase(id); }

  WatchId WatchFd(int fd, FdEvent event, Callback callback) override {
    const WatchId id = ++last_id_;
    auto [it, inserted] = fds_.try_emplace(fd, context_);
    if (inserted) it->second.descriptor.assign(fd);
    ++it->second.watches;
    watches_.emplace(id, fd);
    const auto wait = event == FdEvent::kReadable ? asio::posix::descriptor_base::wait_read
                                                  : asio::posix::descriptor_base::wait_write;
    it->second.descriptor.async_wait(
        wait, [this, id, callback = std::move(callback)](const boost::system::error_code&) {
          if (!Forget(id)) return;
          callback();
        });
    return id;
  }
  void UnwatchFd(WatchId id) override { Forget(id); }

  MonotonicTime MonotonicNow() const override { return std::chrono::steady_clock::now(); }

  void Run() override {
    auto guard = asio::make_work_guard(context_);
    context_.restart();
    context_.run();
  }
  void Stop() override { context_.stop(); }
  asio::io_context* asio_context() override { return &context_; }

 private:
  // epoll knows an fd once: its watches for reading and writing share a descriptor, given back with
  // the last one.
  struct FdEntry {
    explicit FdEntry(asio::io_context& context) : descriptor(context) {}
    asio::posix::stream_descriptor descriptor;
    int watches = 0;
  };

  // False when the watch is already gone.
  bool Forget(WatchId id) {
    auto watch = watches_.find(id);
    if (watch == watches_.end()) return false;
    auto entry = fds_.find(watch->second);
    watches_.erase(watch);
    if (--entry->second.watches == 0) {
      entry->second.descriptor.release();
      fds_.erase(entry);
    }
    return true;
  }

  asio::io_context context_{1};
  uint64_t last_id_ = 0;
  std::unordered_map<TimerId, asio::steady_timer> timers_;
  std::unordered_map<int, FdEntry> fds_;
  std::unordered_map<WatchId, int> watches_;
};

}  // namespace

std::unique_ptr<Loop> MakeAsioLoop() { return std::make_unique<AsioLoop>(); }

}  // namespace wherry
