#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wherry {

class Blocking;

// Wall time and monotonic time. Loop thread, except that the real clock may be read from any
// thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual MonotonicTime MonotonicNow() const = 0;
};

// Random bits: getrandom(2) in production, a seeded generator in the simulator.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1).
  double Fraction();
  // RFC 4122 version 4, lower case with dashes.
  std::string Uuid();
  // `length` characters of the alphabet that Kubernetes uses for generated names
  // ("bcdfghjklmnpqrstvwxz2456789").
  std::string NameSuffix(int length = 5);
};

// Named fault points: production's never fires, the simulator's is driven by the seed and by tests.
class Faults {
 public:
  virtual ~Faults() = default;
  // True when the fault called `point` ("storage.commit") should happen now.
  virtual bool Fire(std::string_view point) = 0;
};

// Everything nondeterministic a component may touch, passed down from `main`. Three more such
// interfaces belong to the modules that use them: http::RoundTripper (network), runtime::Runtime
// with volumes::MountCalls (kernel), storage::Store (disk). Borrowed references; the World outlives every App.
struct World {
  Loop& loop;
  Clock& clock;
  Random& random;
  Blocking& blocking;
  Faults& faults;
};

// The production world: an asio loop, system clocks, getrandom, `blocking_threads` helper threads.
class RealWorld {
 public:
  explicit RealWorld(int blocking_threads = 2);
  ~RealWorld();
  World& world();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A world in one thread with virtual time: timers fire in order of their deadline when nothing else
// can run, and everything random follows from `seed`. Blocking jobs run inline, in a later turn.
class SimWorld {
 public:
  explicit SimWorld(uint64_t seed);
  ~SimWorld();
  World& world();

  // Runs until nothing can run unless time moves.
  void Settle();
  // Moves time forward by `duration`, running timers on the way in order, then settles.
  void Advance(std::chrono::nanoseconds duration);
  // Advances in steps to the next timer until `done` holds or `limit` has passed; says whether it
  // held.
  bool RunUntil(const std::function<bool()>& done, std::chrono::nanoseconds limit);
  // Makes the wall clock jump (NTP step) without moving monotonic time.
  void JumpWallClock(std::chrono::nanoseconds by);
  // From now on the fault `point` fires with this probability (0..1).
  void SetFault(std::string point, double probability);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry
