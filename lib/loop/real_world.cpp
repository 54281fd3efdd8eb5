#include "lib/loop/asio_loop.h"
#include "lib/loop/blocking.h"
#include "lib/loop/world.h"

#include <signal.h>
#include <sys/random.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace wherry {
namespace {

class SystemClock : public Clock {
 public:
  WallTime Now() const override { return std::chrono::system_clock::now(); }
  MonotonicTime MonotonicNow() const override { return std::chrono::steady_clock::now(); }
};

class SystemRandom : public Random {
 public:
  uint64_t Next() override {
    if (used_ == kWords) {
      // getrandom(2) of up to 256 bytes is neither interrupted nor short once the pool is
      // initialised.
      CHECK(::getrandom(pool_, sizeof pool_, 0) == static_cast<ssize_t>(sizeof pool_));
      used_ = 0;
    }
    return pool_[used_++];
  }

 private:
  static constexpr size_t kWords = 32;
  uint64_t pool_[kWords] = {};
  size_t used_ = kWords;
};

class NoFaults : public Faults {
 public:
  bool Fire(std::string_view) override { return false; }
};

class ThreadPool : public Blocking {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        // Signals are the main thread's: one that a helper accepts never reaches its signalfd.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        Work();
      });
    }
  }
  ~ThreadPool() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void Submit(std::function<void()> job) override {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

struct RealWorld::Impl {
  explicit Impl(int threads) : loop(MakeAsioLoop()), blocking(threads) {}
  std::unique_ptr<Loop> loop;
  SystemClock clock;
  SystemRandom random;
  NoFaults faults;
  ThreadPool blocking;  // joined first: its jobs post to the loop
  World world{*loop, clock, random, blocking, faults};
};

RealWorld::RealWorld(int blocking_threads) : impl_(std::make_unique<Impl>(blocking_threads)) {}
RealWorld::~RealWorld() = default;
World& RealWorld::world() { return impl_->world; }

}  // namespace wherry
