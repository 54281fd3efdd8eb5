#include "lib/client/workqueue.h"

#include "lib/telemetry/log.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace wherry::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WorkQueueTest : public testing::Test {
 protected:
  // Workers note the key, take `work_time_`, and fail `failures_left_` times.
  void Run(int workers) {
    queue_.Run(scope_, workers, [this](std::string key) { return Reconcile(std::move(key)); });
    world_.Settle();
  }
  Task<Status> Reconcile(std::string key) {
    started_.push_back(key);
    busy_ = std::max(busy_, ++running_);
    if (work_time_.count() > 0) co_await SleepFor(loop_, work_time_);
    --running_;
    if (failures_left_ > 0) {
      --failures_left_;
      co_return MakeError(Reason::kConflict, "try again");
    }
    co_return Ok();
  }

  SimWorld world_{3};
  Loop& loop_ = world_.world().loop;
  telemetry::LogCapture logs_;
  WorkQueue queue_{world_.world(), "test"};
  TaskScope scope_{loop_};
  std::vector<std::string> started_;
  milliseconds work_time_{0};
  int failures_left_ = 0;
  int running_ = 0;
  int busy_ = 0;
};

TEST_F(WorkQueueTest, AKeyWaitsOnceAndInOrder) {
  queue_.Add("a");
  queue_.Add("b");
  queue_.Add("a");
  EXPECT_EQ(queue_.size(), 2U);
  Run(1);
  EXPECT_EQ(started_, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(queue_.size(), 0U);
}

// A bug in one reconciliation counts as a failure of its key: the worker lives, the key comes
// again.
TEST_F(WorkQueueTest, AnExceptionIsAFailureOfTheKey) {
  int calls = 0;
  queue_.Run(scope_, 1, [&calls](std::string) -> Task<Status> {
    if (++calls == 1) throw std::runtime_error("a bug");
    co_return Ok();
  });
  queue_.Add("a");
  world_.Settle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(queue_.Failures("a"), 1);
  EXPECT_TRUE(logs_.Contains(telemetry::Level::kWarn, "a bug"));
  world_.Advance(seconds(1));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(queue_.Failures("a"), 0);
}

TEST_F(WorkQueueTest, AKeyIsNeverWorkedOnTwiceAtATime) {
  work_time_ = milliseconds(100);
  Run(3);
  queue_.Add("a");
  world_.Advance(milliseconds(50));
  queue_.Add("a");
  queue_.Add("a");
  world_.Advance(milliseconds(40));
  EXPECT_EQ(started_.size(), 1U);
  world_.Advance(milliseconds(20));
  EXPECT_EQ(started_.size(), 2U);
  EXPECT_EQ(busy_, 1);
  world_.Advance(seconds(10));
  EXPECT_EQ(started_.size(), 2U);
}

TEST_F(WorkQueueTest, DifferentKeysRunSideBySideUpToTheWorkers) {
  work_time_ = milliseconds(100);
  Run(2);
  for (const char* key : {"a", "b", "c"}) queue_.Add(key);
  world_.Advance(milliseconds(50));
  EXPECT_EQ(started_.size(), 2U);
  world_.Advance(milliseconds(60));
  EXPECT_EQ(started_.size(), 3U);
  EXPECT_EQ(busy_, 2);
}

TEST_F(WorkQueueTest, FailuresAreRetriedWithDoublingDelays) {
  failures_left_ = 4;
  Run(1);
  queue_.Add("a");
  world_.Settle();
  size_t tries = 1;
  EXPECT_EQ(started_.size(), tries);
  for (const milliseconds delay :
       {milliseconds(5), milliseconds(10), milliseconds(20), milliseconds(40)}) {
    EXPECT_EQ(queue_.Failures("a"), static_cast<int>(tries));
    world_.Advance(delay - milliseconds(1));
    EXPECT_EQ(started_.size(), tries) << delay.count();
    world_.Advance(milliseconds(1));
    EXPECT_EQ(started_.size(), ++tries) << delay.count();
  }
  EXPECT_EQ(queue_.Failures("a"), 0);
  EXPECT_TRUE(logs_.Contains(telemetry::Level::kWarn, "try again"));
}

TEST_F(WorkQueueTest, DelaysStopGrowing) {
  for (int i = 0; i < 100; ++i) queue_.AddRateLimited("a");
  world_.Advance(milliseconds(5));
  EXPECT_EQ(queue_.size(), 1U);  // the earliest wish counts
  Run(1);
  for (int i = 0; i < 100; ++i) queue_.AddRateLimited("b");
  started_.clear();
  queue_.Forget("c");
  world_.Advance(seconds(1000));
  EXPECT_EQ(started_, std::vector<std::string>{"b"});
}

TEST_F(WorkQueueTest, TheEarlierOfTwoDelaysWins) {
  Run(1);
  queue_.AddAfter("a", seconds(10));
  queue_.AddAfter("a", seconds(1));
  queue_.AddAfter("a", seconds(5));
  world_.Advance(seconds(1));
  EXPECT_EQ(started_.size(), 1U);
  world_.Advance(seconds(100));
  EXPECT_EQ(started_.size(), 1U);
}

TEST_F(WorkQueueTest, EndingTheQueueCancelsItsTimers) {
  {
    WorkQueue short_lived(world_.world(), "short");
    short_lived.AddAfter("a", seconds(1));
  }
  world_.Advance(seconds(2));
}

}  // namespace
}  // namespace wherry::client
