#include "lib/loop/blocking.h"
#include "lib/loop/world.h"

#include <deque>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>

namespace wherry {
namespace {

class SimLoop : public Loop, public Clock {
 public:
  void Post(Callback callback) override { ready_.push_back(std::move(callback)); }
  void PostFromAnyThread(Callback callback) override { Post(std::move(callback)); }
  TimerId RunAt(MonotonicTime deadline, Callback callback) override {
    const TimerId id = ++last_id_;
    deadlines_.emplace(id, deadline);
    timers_.emplace(std::pair(deadline, id), std::move(callback));
    return id;
  }
  void CancelTimer(TimerId id) override {
    auto it = deadlines_.find(id);
    if (it == deadlines_.end()) return;
    timers_.erase(std::pair(it->second, id));
    deadlines_.erase(it);
  }
  WatchId WatchFd(int, FdEvent, Callback) override {
    CHECK_THAT(false, "the simulator has no file descriptors");
    return 0;
  }
  void UnwatchFd(WatchId) override {}
  MonotonicTime MonotonicNow() const override { return now_; }
  WallTime Now() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()) +
                    wall_offset_);
  }
  void Run() override { CHECK_THAT(false, "the simulator is driven by Settle and Advance"); }
  void Stop() override {}
  boost::asio::io_context* asio_context() override { return nullptr; }

  void Settle() {
    while (!ready_.empty()) {
      auto callback = std::move(ready_.front());
      ready_.pop_front();
      callback();
    }
  }
  bool has_timer() const { return !timers_.empty(); }
  MonotonicTime next_deadline() const { return timers_.begin()->first.first; }
  // Fires every timer up to and including `until`, settling after each, then sets the time to
  // `until`.
  void AdvanceTo(MonotonicTime until) {
    Settle();
    while (has_timer() && next_deadline() <= until) {
      auto it = timers_.begin();
      now_ = std::max(now_, it->first.first);
      auto callback = std::move(it->second);
      deadlines_.erase(it->first.second);
      timers_.erase(it);
      callback();
      Settle();
    }
    now_ = std::max(now_, until);
  }
  void JumpWallClock(std::chrono::nanoseconds by) {
    wall_offset_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  std::deque<Callback> ready_;
  std::map<std::pair<MonotonicTime, TimerId>, Callback> timers_;
  std::unordered_map<TimerId, MonotonicTime> deadlines_;
  uint64_t last_id_ = 0;
  MonotonicTime now_{std::chrono::seconds(1)};
  WallTime::duration wall_offset_ = std::chrono::seconds(1'700'000'000);
};

class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

class SimFaults : public Faults {
 public:
  explicit SimFaults(Random& random) : random_(random) {}
  bool Fire(std::string_view point) override {
    auto it = probabilities_.find(std::string(point));
    return it != probabilities_.end() && random_.Fraction() < it->second;
  }
  void Set(std::string point, double probability) {
    probabilities_[std::move(point)] = probability;
  }

 private:
  Random& random_;
  std::unordered_map<std::string, double> probabilities_;
};

// Runs jobs on the loop itself: a simulated process has one thread.
class InlineBlocking : public Blocking {
 public:
  explicit InlineBlocking(Loop& loop) : loop_(loop) {}
  void Submit(std::function<void()> job) override { loop_.Post(std::move(job)); }

 private:
  Loop& loop_;
};

}  // namespace

struct SimWorld::Impl {
  explicit Impl(uint64_t seed) : random(seed), faults(random), blocking(loop) {}
  SimLoop loop;
  SeededRandom random;
  SimFaults faults;
  InlineBlocking blocking;
  World world{loop, loop, random, blocking, faults};
};

SimWorld::SimWorld(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
SimWorld::~SimWorld() = default;
World& SimWorld::world() { return impl_->world; }
void SimWorld::Settle() { impl_->loop.Settle(); }
void SimWorld::Advance(std::chrono::nanoseconds duration) {
  impl_->loop.AdvanceTo(impl_->loop.MonotonicNow() +
                        std::chrono::duration_cast<MonotonicTime::duration>(duration));
}
bool SimWorld::RunUntil(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
  SimLoop& loop = impl_->loop;
  const MonotonicTime end =
      loop.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(limit);
  loop.Settle();
  while (!done()) {
    if (!loop.has_timer() || loop.next_deadline() > end) return false;
    loop.AdvanceTo(loop.next_deadline());
  }
  return true;
}
void SimWorld::JumpWallClock(std::chrono::nanoseconds by) { impl_->loop.JumpWallClock(by); }
void SimWorld::SetFault(std::string point, double probability) {
  impl_->faults.Set(std::move(point), probability);
}

}  // namespace wherry
