#include "lib/loop/asio_loop.h"
#include "lib/loop/thread_pool.h"
#include "lib/loop/world.h"

#include <sys/random.h>

#include <memory>

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

}  // namespace

struct RealWorld::Impl {
  explicit Impl(int threads) : loop(MakeAsioLoop()), blocking(MakeThreadPool(threads)) {}
  std::unique_ptr<Loop> loop;
  SystemClock clock;
  SystemRandom random;
  NoFaults faults;
  std::unique_ptr<Blocking> blocking;  // joined first: its jobs post to the loop
  World world{*loop, clock, random, *blocking, faults};
};

RealWorld::RealWorld(int blocking_threads) : impl_(std::make_unique<Impl>(blocking_threads)) {}
RealWorld::~RealWorld() = default;
World& RealWorld::world() { return impl_->world; }

}  // namespace wherry
