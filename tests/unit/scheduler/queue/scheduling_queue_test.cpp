// Shows in which order pods are taken, and when one that found no node is tried again.

#include "scheduler/queue/scheduling_queue.h"

#include "lib/loop/task_scope.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::scheduler::queue {
namespace {

namespace core = api::core::v1;
using namespace std::chrono_literals;

framework::PodInfoPtr MakePod(const std::string& uid, int priority = 0) {
  auto pod = std::make_shared<core::Pod>();
  pod->mutable_metadata()->set_uid(uid);
  pod->mutable_spec()->set_priority(priority);
  return std::make_shared<const framework::PodInfo>(pod);
}

Task<void> TakeAll(SchedulingQueue& queue, std::vector<framework::PodInfoPtr>* taken) {
  while (true) {
    auto pod = co_await queue.Pop();
    taken->push_back(std::move(pod));
  }
}

class SchedulingQueueTest : public testing::Test {
 protected:
  SchedulingQueueTest() : queue_(sim_.world()), scope_(sim_.world().loop) {
    scope_.Spawn("take", TakeAll(queue_, &taken_));
  }
  std::vector<std::string> Taken() {
    std::vector<std::string> uids;
    for (const auto& pod : taken_) uids.push_back(pod->pod->metadata().uid());
    return uids;
  }
  SimWorld sim_{1};
  SchedulingQueue queue_;
  std::vector<framework::PodInfoPtr> taken_;
  TaskScope scope_;
};

TEST_F(SchedulingQueueTest, PriorityThenAge) {
  queue_.Add(MakePod("old"));
  queue_.Add(MakePod("new"));
  queue_.Add(MakePod("urgent", 1000));
  sim_.Settle();
  EXPECT_EQ(Taken(), (std::vector<std::string>{"urgent", "old", "new"}));
}

TEST_F(SchedulingQueueTest, UnschedulableWaitsForAChangeAndItsBackoff) {
  queue_.Add(MakePod("web"));
  sim_.Settle();
  queue_.AddUnschedulable(taken_[0], false);
  sim_.Advance(4min);
  EXPECT_EQ(taken_.size(), 1u);
  queue_.MoveAllToActive();
  sim_.Settle();
  EXPECT_EQ(taken_.size(), 2u);
  queue_.AddUnschedulable(taken_[1], false);
  queue_.MoveAllToActive();
  sim_.Settle();
  EXPECT_EQ(taken_.size(), 2u) << "the second attempt backs off for 2 s";
  sim_.Advance(2s);
  EXPECT_EQ(taken_.size(), 3u);
}

TEST_F(SchedulingQueueTest, FiveMinutesAreTheLongestWait) {
  queue_.Add(MakePod("web"));
  sim_.Settle();
  queue_.AddUnschedulable(taken_[0], false);
  sim_.Advance(5min);
  EXPECT_EQ(taken_.size(), 2u);
}

TEST_F(SchedulingQueueTest, APlacedPodWakesThoseWhoseRulesLookAtIt) {
  auto pod = [](const std::string& uid, const std::string& app) {
    core::Pod object;
    object.mutable_metadata()->set_uid(uid);
    object.mutable_metadata()->set_namespace_("default");
    (*object.mutable_metadata()->mutable_labels())["app"] = app;
    return object;
  };
  core::Pod spreads = pod("spreads", "a");
  auto* constraint = spreads.mutable_spec()->add_topologyspreadconstraints();
  constraint->set_whenunsatisfiable("DoNotSchedule");
  core::Pod follows = pod("follows", "a");
  (*follows.mutable_spec()
        ->mutable_affinity()
        ->mutable_podaffinity()
        ->add_requiredduringschedulingignoredduringexecution()
        ->mutable_labelselector()
        ->mutable_matchlabels())["app"] = "db";
  auto info = [](const core::Pod& object) {
    return std::make_shared<const framework::PodInfo>(std::make_shared<core::Pod>(object));
  };
  for (const core::Pod& each : {pod("plain", "a"), spreads, follows}) queue_.Add(info(each));
  sim_.Settle();
  for (const auto& each : std::vector(taken_)) queue_.AddUnschedulable(each, false);
  taken_.clear();
  core::Pod elsewhere = pod("cache", "cache");
  elsewhere.mutable_metadata()->set_namespace_("other");
  queue_.MoveForPod(info(elsewhere).get());
  sim_.Advance(10s);
  EXPECT_TRUE(taken_.empty());
  queue_.MoveForPod(info(pod("db", "db")).get());
  sim_.Advance(10s);
  EXPECT_EQ(Taken(), (std::vector<std::string>{"spreads", "follows"}));
}

TEST_F(SchedulingQueueTest, AChangeDuringTheAttemptIsNotLost) {
  queue_.Add(MakePod("web"));
  sim_.Settle();
  queue_.MoveAllToActive();
  queue_.AddUnschedulable(taken_[0], false);
  sim_.Advance(1s);
  EXPECT_EQ(taken_.size(), 2u);
}

TEST_F(SchedulingQueueTest, AnUpdateIsKeptAndWakesNobody) {
  queue_.Add(MakePod("web"));
  sim_.Settle();
  queue_.AddUnschedulable(taken_[0], false);
  const auto newer = MakePod("web");
  queue_.Update(newer);
  queue_.Update(MakePod("stranger"));
  sim_.Advance(4min);
  EXPECT_EQ(taken_.size(), 1u);
  EXPECT_EQ(queue_.size(), 1u);
  queue_.MoveAllToActive();
  sim_.Settle();
  ASSERT_EQ(taken_.size(), 2u);
  EXPECT_EQ(taken_[1], newer);
}

TEST_F(SchedulingQueueTest, RemovedPodsDoNotComeBack) {
  queue_.Add(MakePod("web"));
  sim_.Settle();
  queue_.Remove("web");
  queue_.AddUnschedulable(taken_[0], true);
  sim_.Advance(1min);
  EXPECT_EQ(taken_.size(), 1u);
  EXPECT_EQ(queue_.size(), 0u);
}

}  // namespace
}  // namespace wherry::scheduler::queue
