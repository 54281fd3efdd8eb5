// Shows that tasks, scopes, timers and channels behave the same on the real loop and on the
// simulator.

#include "lib/loop/loop.h"

#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_failure.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/thread_pool.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace wherry {
namespace {

using namespace std::chrono_literals;

Task<int> Twice(int value) { co_return value * 2; }
Task<Result<int>> Fails() { co_return MakeError(Reason::kConflict, "stale"); }
Task<Result<int>> AddsOne(bool fail) {
  if (fail) {
    CO_TRY(int value, co_await Fails());
    co_return value;
  }
  int value = co_await Twice(4);
  co_return value + 1;
}
Task<void> Store(Task<Result<int>> task, Result<int>* out) {
  auto result = co_await std::move(task);
  *out = std::move(result);
}
Task<void> SleepAndCount(Loop& loop, std::chrono::milliseconds duration, std::vector<int>* order,
                         int mark) {
  co_await SleepFor(loop, duration);
  order->push_back(mark);
}

TEST(TaskTest, ReturnsValuesAndErrors) {
  SimWorld sim(1);
  TaskScope scope(sim.world().loop);
  Result<int> good = 0;
  Result<int> bad = 0;
  scope.Spawn("good", Store(AddsOne(false), &good));
  scope.Spawn("bad", Store(AddsOne(true), &bad));
  sim.Settle();
  EXPECT_EQ(good.value(), 9);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().reason, Reason::kConflict);
  EXPECT_EQ(scope.size(), 0u);
}

TEST(SimWorldTest, TimersFireInDeadlineOrderWithoutWaiting) {
  SimWorld sim(1);
  TaskScope scope(sim.world().loop);
  std::vector<int> order;
  scope.Spawn("slow", SleepAndCount(sim.world().loop, 40min, &order, 2));
  scope.Spawn("fast", SleepAndCount(sim.world().loop, 1ms, &order, 1));
  sim.Advance(1h);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(TaskScopeTest, CancelDestroysSuspendedTasks) {
  SimWorld sim(1);
  std::vector<int> order;
  {
    TaskScope scope(sim.world().loop);
    scope.Spawn("never", SleepAndCount(sim.world().loop, 1s, &order, 1));
    sim.Settle();
    EXPECT_EQ(scope.size(), 1u);
  }
  sim.Advance(1h);
  EXPECT_TRUE(order.empty());
}

TEST(SimWorldTest, SameSeedSameRandomness) {
  SimWorld a(7);
  SimWorld b(7);
  SimWorld c(8);
  const std::string from_a = a.world().random.Uuid();
  EXPECT_EQ(from_a, b.world().random.Uuid());
  EXPECT_NE(from_a, c.world().random.Uuid());
  EXPECT_EQ(from_a.size(), 36u);
  EXPECT_EQ(from_a[14], '4');
}

Task<void> Drain(Channel<int>& channel, std::vector<int>* out) {
  while (true) {
    auto item = co_await channel.Pop();
    if (!item) break;
    out->push_back(*item);
  }
  out->push_back(-1);
}

TEST(ChannelTest, BoundedOrderedAndClosable) {
  SimWorld sim(1);
  TaskScope scope(sim.world().loop);
  Channel<int> channel(sim.world().loop, 2);
  std::vector<int> out;
  scope.Spawn("drain", Drain(channel, &out));
  sim.Settle();
  EXPECT_TRUE(channel.Push(1));
  EXPECT_TRUE(channel.Push(2));
  EXPECT_FALSE(channel.Push(3));
  channel.Close();
  sim.Settle();
  EXPECT_EQ(out, (std::vector<int>{1, 2, -1}));
}

Task<Result<int>> SleepThenOne(Loop& loop, std::chrono::milliseconds duration) {
  co_await SleepFor(loop, duration);
  co_return 1;
}

TEST(WithTimeoutTest, GivesTheValueOrTimesOut) {
  SimWorld sim(1);
  Loop& loop = sim.world().loop;
  TaskScope scope(loop);
  Result<int> in_time = 0;
  Result<int> late = 0;
  scope.Spawn("in time", Store(WithTimeout(loop, 1s, SleepThenOne(loop, 10ms)), &in_time));
  scope.Spawn("late", Store(WithTimeout(loop, 1s, SleepThenOne(loop, 5000ms)), &late));
  sim.Advance(10s);
  EXPECT_EQ(in_time.value(), 1);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().reason, Reason::kTimeout);
}

Task<Result<int>> Throws(Loop& loop) {
  co_await SleepFor(loop, 10ms);
  throw std::runtime_error("a library's");
}

TEST(WithTimeoutTest, ATaskThatThrowsIsNotWaitedFor) {
  SimWorld sim(1);
  Loop& loop = sim.world().loop;
  TaskScope scope(loop);
  Result<int> failed = 0;
  scope.Spawn("failed", Store(WithTimeout(loop, 60s, Throws(loop)), &failed));
  sim.Advance(1s);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().reason, Reason::kInternalError);
}

Task<void> ThrowsAtOnce(Loop& loop) {
  co_await SleepFor(loop, 10ms);
  throw std::runtime_error("a bug");
}

// Whoever set the hook hears of it once, with the task's name; the task has ended.
TEST(TaskFailureTest, TheHookHearsOfATaskThatThrows) {
  std::vector<std::string> heard;
  SetTaskFailureHook([&heard](std::string_view task, std::string_view what) {
    heard.push_back(std::string(task) + ": " + std::string(what));
  });
  SimWorld sim(1);
  TaskScope scope(sim.world().loop);
  scope.Spawn("worker", ThrowsAtOnce(sim.world().loop));
  sim.Advance(1s);
  SetTaskFailureHook(nullptr);
  EXPECT_EQ(heard, std::vector<std::string>{"worker: a bug"});
  EXPECT_EQ(scope.size(), 0U);
}

Task<void> RealWork(World& world, int read_fd, std::vector<std::string>* log) {
  co_await SleepFor(world.loop, 1ms);
  log->push_back("slept");
  auto job = [] { return 42; };
  int answer = co_await world.blocking.Run(world.loop, job);
  log->push_back(std::to_string(answer));
  co_await FdReady(world.loop, read_fd, Loop::FdEvent::kReadable);
  log->push_back("readable");
  world.loop.Stop();
}

TEST(RealWorldTest, SleepsBlocksAndWatchesFds) {
  RealWorld real;
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  TaskScope scope(real.world().loop);
  std::vector<std::string> log;
  scope.Spawn("work", RealWork(real.world(), fds[0], &log));
  ASSERT_EQ(::write(fds[1], "x", 1), 1);
  real.world().loop.Run();
  EXPECT_EQ(log, (std::vector<std::string>{"slept", "42", "readable"}));
  ::close(fds[0]);
  ::close(fds[1]);
}

Task<void> AskForTrouble(World& world, std::string* heard) {
  auto job = []() -> int { throw std::runtime_error("no such luck"); };
  try {
    auto asking = world.blocking.Run(world.loop, job);
    co_await std::move(asking);
  } catch (const std::exception& thrown) {
    *heard = thrown.what();
  }
  world.loop.Stop();
}

// What a job throws is heard by who asked for it; the threads go on.
TEST(RealWorldTest, AJobMayThrow) {
  RealWorld real;
  TaskScope scope(real.world().loop);
  std::string heard;
  scope.Spawn("work", AskForTrouble(real.world(), &heard));
  real.world().loop.Run();
  EXPECT_EQ(heard, "no such luck");
}

// The end of a process waits for what runs, not for what never began.
TEST(ThreadPoolTest, ItsEndDropsJobsThatHaveNotBegun) {
  std::atomic<bool> begun = false;
  std::atomic<bool> ended = false;
  std::atomic<bool> second = false;
  auto pool = MakeThreadPool(1);
  pool->Submit([&] {
    begun = true;
    begun.notify_all();
    ::poll(nullptr, 0, 100);
    ended = true;
  });
  pool->Submit([&] { second = true; });
  begun.wait(false);
  pool.reset();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(second);
}

}  // namespace
}  // namespace wherry
