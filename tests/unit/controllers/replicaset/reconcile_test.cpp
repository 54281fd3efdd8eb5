#include "controllers/replicaset/reconcile.h"

#include "lib/api/time.h"
#include "proto/api/apps/v1.pb.h"
#include "tests/support/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::controllers::replicaset {
namespace {

using ::testing::ElementsAre;
using wherry::testing::Parse;

const WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

struct PodSpec {
  std::string name;
  std::string node = "n1";
  std::string phase = "Running";
  bool ready = true;
  int64_t ready_for = 100;
  int64_t age = 200;
  int restarts = 0;
  std::string cost;
};

PodPtr RunningPod(const PodSpec& spec) {
  auto pod = Parse<corev1::Pod>(R"({"metadata":{"labels":{"app":"web"}}})");
  pod->mutable_metadata()->set_name(spec.name);
  pod->mutable_metadata()->set_uid(spec.name);
  api::SetTime(pod->mutable_metadata()->mutable_creationtimestamp(),
               kNow - std::chrono::seconds(spec.age));
  if (!spec.cost.empty())
    (*pod->mutable_metadata()
          ->mutable_annotations())["controller.kubernetes.io/pod-deletion-cost"] = spec.cost;
  pod->mutable_spec()->set_nodename(spec.node);
  pod->mutable_status()->set_phase(spec.phase);
  auto* condition = pod->mutable_status()->add_conditions();
  condition->set_type("Ready");
  condition->set_status(spec.ready ? "True" : "False");
  api::SetTime(condition->mutable_lasttransitiontime(),
               kNow - std::chrono::seconds(spec.ready_for));
  pod->mutable_status()->add_containerstatuses()->set_restartcount(spec.restarts);
  return pod;
}

std::vector<std::string> Order(const std::vector<PodSpec>& specs) {
  std::vector<PodPtr> pods;
  for (const auto& spec : specs) pods.push_back(RunningPod(spec));
  std::vector<std::string> names;
  std::vector<PodPtr> left = pods;
  while (!left.empty()) {
    const auto first = PodsToDelete(left, pods, 1, kNow);
    names.push_back(first[0]->metadata().name());
    std::erase(left, first[0]);
  }
  return names;
}

// Each pair differs in one criterion; the first goes first.
TEST(PodsToDelete, RanksByEachCriterion) {
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .node = ""}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .phase = "Pending"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .phase = "Unknown"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .ready = false}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .cost = "-5"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "a"}, {.name = "b", .cost = "5"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .cost = "x"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b", .ready_for = 100}, {.name = "a", .ready_for = 10}}),
              ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b"}, {.name = "a", .restarts = 3}}), ElementsAre("a", "b"));
  EXPECT_THAT(Order({{.name = "b", .age = 9000}, {.name = "a", .age = 200}}),
              ElementsAre("a", "b"));
}

TEST(PodsToDelete, SpreadsWhatStays) {
  std::vector<PodPtr> pods = {RunningPod({.name = "a", .node = "n1"}),
                              RunningPod({.name = "b", .node = "n2"}),
                              RunningPod({.name = "c", .node = "n2"})};
  const auto first = PodsToDelete(pods, pods, 1, kNow);
  EXPECT_EQ(first[0]->spec().nodename(), "n2");
}

// Ages of one magnitude count as equal; the uid decides, not the seconds.
TEST(PodsToDelete, ComparesAgesInPowersOfTwo) {
  EXPECT_THAT(Order({{.name = "b", .ready_for = 90}, {.name = "a", .ready_for = 100}}),
              ElementsAre("a", "b"));
}

appsv1::ReplicaSet ReplicaSet(int replicas) {
  auto set = Parse<appsv1::ReplicaSet>(
      R"({"metadata":{"name":"web-1","namespace":"n","uid":"u","generation":4},
          "spec":{"template":{"metadata":{"labels":{"app":"web"},"annotations":{"a":"b"}},
                              "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  set->mutable_spec()->set_replicas(replicas);
  return *set;
}

TEST(Reconcile, CreatesAndDeletesTheDifferenceInBursts) {
  const std::vector<PodPtr> pods = {RunningPod({.name = "a"}),
                                    RunningPod({.name = "b", .ready = false})};
  int asked = 0;
  const auto related = [&] {
    ++asked;
    return pods;
  };
  const auto plan = [&](int replicas) {
    const auto set = ReplicaSet(replicas);
    return Reconcile({.replica_set = set, .pods = pods, .related = related, .now = kNow});
  };
  EXPECT_EQ(plan(5).create, 3);
  EXPECT_EQ(plan(2000).create, kBurstReplicas);
  EXPECT_EQ(plan(2).create, 0);
  EXPECT_TRUE(plan(2).remove.empty());
  EXPECT_EQ(plan(0).remove.size(), 2u);
  EXPECT_EQ(asked, 0) << "there may be thousands of them";
  ASSERT_EQ(plan(1).remove.size(), 1u);
  EXPECT_EQ(plan(1).remove[0]->metadata().name(), "b");
  EXPECT_EQ(asked, 2);
}

TEST(Reconcile, DoesNothingWhileBeingDeleted) {
  auto set = ReplicaSet(5);
  set.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  EXPECT_EQ(Reconcile({.replica_set = set, .now = kNow}).create, 0);
}

TEST(CalculateStatus, CountsAndReportsFailure) {
  auto set = ReplicaSet(3);
  set.mutable_spec()->set_minreadyseconds(50);
  auto stranger = std::make_shared<corev1::Pod>(*RunningPod({.name = "c", .ready_for = 10}));
  stranger->mutable_metadata()->clear_labels();
  const State state{
      .replica_set = set,
      .pods = {RunningPod({.name = "a"}), stranger, RunningPod({.name = "d", .ready = false})},
      .now = kNow};
  auto status = CalculateStatus(state, std::nullopt);
  EXPECT_EQ(status.replicas(), 3);
  EXPECT_EQ(status.fullylabeledreplicas(), 2);
  EXPECT_EQ(status.readyreplicas(), 2);
  EXPECT_EQ(status.availablereplicas(), 1);
  EXPECT_EQ(status.observedgeneration(), 4);
  EXPECT_TRUE(StatusDiffers(set, status));
  *set.mutable_status() = status;
  EXPECT_FALSE(StatusDiffers(set, CalculateStatus(state, std::nullopt)));

  set.mutable_spec()->set_replicas(9);
  *set.mutable_status() = CalculateStatus(state, MakeError(Reason::kForbidden, "no quota"));
  ASSERT_EQ(set.status().conditions_size(), 1);
  EXPECT_EQ(set.status().conditions(0).reason(), "FailedCreate");
  EXPECT_EQ(set.status().conditions(0).message(), "no quota");
  EXPECT_EQ(CalculateStatus(state, std::nullopt).conditions_size(), 0);
}

TEST(MakePod, CopiesTheTemplateAndNamesItsController) {
  const auto set = ReplicaSet(1);
  const auto pod = MakePod(set, set, "web-1-abcde");
  EXPECT_EQ(pod->metadata().name(), "web-1-abcde");
  EXPECT_EQ(pod->metadata().generatename(), "web-1-");
  EXPECT_EQ(pod->metadata().labels().at("app"), "web");
  EXPECT_EQ(pod->metadata().annotations().at("a"), "b");
  EXPECT_EQ(pod->metadata().ownerreferences(0).kind(), "ReplicaSet");
  EXPECT_TRUE(pod->metadata().ownerreferences(0).blockownerdeletion());
  EXPECT_EQ(pod->spec().containers(0).image(), "i");
}

TEST(PodNamePrefix, LeavesRoomForTheSuffix) {
  auto set = ReplicaSet(1);
  set.mutable_metadata()->set_name(std::string(100, 'x'));
  EXPECT_EQ(PodNamePrefix(set).size(), 58u);
}

}  // namespace
}  // namespace wherry::controllers::replicaset
