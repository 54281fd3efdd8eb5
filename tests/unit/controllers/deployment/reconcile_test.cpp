#include "controllers/deployment/reconcile.h"

#include "controllers/deployment/names.h"
#include "controllers/deployment/sizing.h"
#include "controllers/objects/conditions.h"
#include "lib/api/time.h"
#include "proto/api/apps/v1.pb.h"
#include "tests/support/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::controllers::deployment {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wherry::testing::Parse;

const WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

std::shared_ptr<appsv1::Deployment> Deployment(int replicas, const std::string& image) {
  auto deployment = Parse<appsv1::Deployment>(
      R"({"metadata":{"name":"web","namespace":"default","uid":"d-1","generation":1},
          "spec":{"selector":{"matchLabels":{"app":"web"}},"progressDeadlineSeconds":600,
                  "revisionHistoryLimit":10,
                  "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}},
                  "template":{"metadata":{"labels":{"app":"web"}},
                              "spec":{"containers":[{"name":"c","image":")" +
      image + R"("}]}}}})");
  deployment->mutable_spec()->set_replicas(replicas);
  return deployment;
}

// A cluster with one deployment and replica sets that carry out what they are told.
struct Cluster {
  std::shared_ptr<appsv1::Deployment> deployment;
  std::vector<std::shared_ptr<appsv1::ReplicaSet>> sets;
  std::vector<std::string> events;
  WallTime now = kNow;
  int created = 0;

  Actions Plan(std::vector<PodPtr> pods = {}) const {
    State state{.deployment = *deployment, .pods = std::move(pods), .now = now};
    for (const auto& set : sets) state.replica_sets.push_back(set);
    return Reconcile(state);
  }
  // Plans and writes.
  Actions Step(std::vector<PodPtr> pods = {}) {
    Actions actions = Plan(std::move(pods));
    if (actions.create) {
      auto set = actions.create->replica_set;
      set->mutable_metadata()->set_uid("rs-" + std::to_string(++created));
      set->mutable_metadata()->mutable_creationtimestamp()->set_seconds(created);
      set->mutable_metadata()->set_generation(1);
      sets.push_back(set);
      if (!actions.create->event.empty()) events.push_back(actions.create->event);
    }
    for (const auto& write : actions.updates) {
      for (auto& set : sets) {
        if (set->metadata().uid() == write.replica_set->metadata().uid()) set = write.replica_set;
      }
      if (!write.event.empty()) events.push_back(write.event);
    }
    for (const auto& deleted : actions.deletes)
      std::erase_if(sets, [&](const auto& set) {
        return set->metadata().uid() == deleted->metadata().uid();
      });
    if (actions.update) deployment = actions.update;
    if (actions.update_status) deployment = actions.update_status;
    return actions;
  }
  // Every set has the pods it asks for, all available.
  void RunPods() {
    for (auto& set : sets) {
      const int32_t replicas = set->spec().replicas();
      auto* status = set->mutable_status();
      status->set_replicas(replicas);
      status->set_readyreplicas(replicas);
      status->set_availablereplicas(replicas);
      status->set_observedgeneration(set->metadata().generation());
    }
  }
  void Settle() {
    for (int i = 0; i < 50; ++i) {
      Step();
      RunPods();
    }
  }
  void SetImage(const std::string& image) {
    deployment = std::make_shared<appsv1::Deployment>(*deployment);
    deployment->mutable_spec()
        ->mutable_template_()
        ->mutable_spec()
        ->mutable_containers(0)
        ->set_image(image);
    deployment->mutable_metadata()->set_generation(deployment->metadata().generation() + 1);
  }
  void Scale(int replicas) {
    deployment = std::make_shared<appsv1::Deployment>(*deployment);
    deployment->mutable_spec()->set_replicas(replicas);
    deployment->mutable_metadata()->set_generation(deployment->metadata().generation() + 1);
  }
  int32_t Total() const {
    int32_t total = 0;
    for (const auto& set : sets) total += set->spec().replicas();
    return total;
  }
  const appsv1::DeploymentCondition* Condition(const char* type) const {
    return FindCondition(&deployment->status().conditions(), type);
  }
};

TEST(Reconcile, CreatesTheFirstReplicaSet) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  const Actions actions = cluster.Step();
  ASSERT_TRUE(actions.create);
  const auto& set = *cluster.sets[0];
  const std::string hash = set.metadata().labels().at(kPodTemplateHash);
  EXPECT_EQ(set.metadata().name(), "web-" + hash);
  EXPECT_EQ(set.spec().replicas(), 3);
  EXPECT_EQ(set.spec().selector().matchlabels().at(kPodTemplateHash), hash);
  EXPECT_EQ(set.spec().template_().metadata().labels().at(kPodTemplateHash), hash);
  EXPECT_EQ(set.metadata().ownerreferences(0).uid(), "d-1");
  EXPECT_TRUE(set.metadata().ownerreferences(0).controller());
  EXPECT_EQ(set.metadata().annotations().at(kRevision), "1");
  EXPECT_EQ(set.metadata().annotations().at(kDesiredReplicas), "3");
  EXPECT_EQ(set.metadata().annotations().at(kMaxReplicas), "4");
  EXPECT_THAT(cluster.events, ElementsAre("Scaled up replica set web-" + hash + " to 3"));
  EXPECT_EQ(cluster.deployment->metadata().annotations().at(kRevision), "1");
  ASSERT_NE(cluster.Condition(kProgressing), nullptr);
  EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kNewReplicaSetCreated);
  EXPECT_EQ(cluster.Condition(kAvailable)->status(), "False");
  EXPECT_EQ(cluster.deployment->status().unavailablereplicas(), 3);
  EXPECT_TRUE(actions.check_after);
}

TEST(Reconcile, ReportsACompleteRollout) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  const auto& status = cluster.deployment->status();
  EXPECT_EQ(status.replicas(), 3);
  EXPECT_EQ(status.updatedreplicas(), 3);
  EXPECT_EQ(status.availablereplicas(), 3);
  EXPECT_EQ(status.unavailablereplicas(), 0);
  EXPECT_EQ(status.observedgeneration(), 1);
  const auto* progressing = cluster.Condition(kProgressing);
  EXPECT_EQ(progressing->reason(), kNewReplicaSetAvailable);
  EXPECT_EQ(progressing->message(), "ReplicaSet \"" + cluster.sets[0]->metadata().name() +
                                        "\" has successfully progressed.");
  EXPECT_EQ(cluster.Condition(kAvailable)->reason(), kMinimumReplicasAvailable);
  const Actions actions = cluster.Plan();
  EXPECT_FALSE(actions.create || actions.update_status || actions.check_after);
  EXPECT_THAT(actions.updates, IsEmpty()) << "a settled deployment is left alone";
}

// At every step of every rollout: never more than the surge, never fewer than the minimum, and it
// ends with the new set only.
TEST(Reconcile, RollingUpdatesKeepTheirBoundsAndEnd) {
  for (const int replicas : {1, 2, 3, 5, 10, 33}) {
    for (const char* surge : {"0", "1", "\"25%\"", "\"100%\""}) {
      for (const char* unavailable : {"0", "1", "\"25%\"", "\"100%\""}) {
        SCOPED_TRACE(std::to_string(replicas) + " " + surge + " " + unavailable);
        Cluster cluster{.deployment = Deployment(replicas, "v1")};
        *cluster.deployment->mutable_spec()->mutable_strategy() =
            *Parse<appsv1::DeploymentStrategy>(
                std::string(R"({"type":"RollingUpdate","rollingUpdate":{"maxSurge":)") + surge +
                R"(,"maxUnavailable":)" + unavailable + "}}");
        cluster.Settle();
        cluster.SetImage("v2");
        const auto posts = ResolveFenceposts(*cluster.deployment);
        for (int i = 0; i < 200; ++i) {
          cluster.Step();
          ASSERT_LE(cluster.Total(), replicas + posts.surge);
          int32_t available = 0;
          for (const auto& set : cluster.sets)
            available += std::min(set->status().availablereplicas(), set->spec().replicas());
          ASSERT_GE(available, replicas - posts.unavailable);
          cluster.RunPods();
        }
        ASSERT_EQ(cluster.sets.size(), 2u);
        EXPECT_EQ(cluster.sets[0]->spec().replicas(), 0);
        EXPECT_EQ(cluster.sets[1]->spec().replicas(), replicas);
        EXPECT_EQ(cluster.sets[1]->metadata().annotations().at(kRevision), "2");
        EXPECT_EQ(cluster.deployment->metadata().annotations().at(kRevision), "2");
        EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kNewReplicaSetAvailable);
      }
    }
  }
}

TEST(Reconcile, ScalesTheOldSetDownOnlyAsNewPodsBecomeAvailable) {
  Cluster cluster{.deployment = Deployment(4, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.Step();
  EXPECT_EQ(cluster.sets[1]->spec().replicas(), 1);
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 3);
  cluster.sets[0]->mutable_status()->set_replicas(3);
  cluster.sets[0]->mutable_status()->set_availablereplicas(3);
  cluster.Step();  // the room goes to the new set
  EXPECT_EQ(cluster.sets[1]->spec().replicas(), 2);
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 3) << "new pods are not available yet";
}

TEST(Reconcile, UnhealthyOldPodsGoFirst) {
  Cluster cluster{.deployment = Deployment(10, "v1")};
  cluster.Settle();
  cluster.sets[0]->mutable_status()->set_availablereplicas(4);
  cluster.SetImage("v2");
  cluster.Step();
  EXPECT_EQ(cluster.sets[1]->spec().replicas(), 3);
  // 13 pods, 8 must be available, 3 new ones are not: two may go, unavailable ones.
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 8);
  EXPECT_EQ(cluster.events.back(),
            "Scaled down replica set " + cluster.sets[0]->metadata().name() + " to 8 from 10");
}

// What a status says about pods that its set was told to give up, or before it saw its spec, is not
// trusted: acting on it would take down more than maxUnavailable.
TEST(Reconcile, DoesNotCountOnPodsThatGo) {
  Cluster cluster{.deployment = Deployment(4, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.Step();
  ASSERT_EQ(cluster.sets[0]->spec().replicas(), 3);
  cluster.Step();  // the old set's status still says 4
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 3);
  cluster.RunPods();
  cluster.sets[0]->mutable_metadata()->set_generation(7);
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 3) << "its status is older than its spec";
  cluster.RunPods();
  cluster.Step();
  EXPECT_LT(cluster.sets[0]->spec().replicas(), 3);
}

TEST(Reconcile, RollsBackToAnOldSetWithANewRevision) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.Settle();
  cluster.SetImage("v1");
  cluster.Settle();
  ASSERT_EQ(cluster.sets.size(), 2u);
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 3);
  EXPECT_EQ(cluster.sets[0]->metadata().annotations().at(kRevision), "3");
  EXPECT_EQ(cluster.sets[0]->metadata().annotations().at(kRevisionHistory), "1");
}

TEST(Reconcile, RollbackAnnotationRestoresTheTemplate) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.Settle();
  (*cluster.deployment->mutable_metadata()->mutable_annotations())[kRollbackTo] = "1";
  const Actions actions = cluster.Step();
  ASSERT_TRUE(actions.update);
  EXPECT_EQ(cluster.deployment->spec().template_().spec().containers(0).image(), "v1");
  EXPECT_FALSE(cluster.deployment->metadata().annotations().contains(kRollbackTo));
  EXPECT_FALSE(
      cluster.deployment->spec().template_().metadata().labels().contains(kPodTemplateHash));
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].message, "Rolled back deployment \"web\" to revision 1");
}

TEST(Reconcile, RollbackToAnUnknownRevisionSaysSo) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  (*cluster.deployment->mutable_metadata()->mutable_annotations())[kRollbackTo] = "8";
  const Actions actions = cluster.Step();
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].reason, kRollbackRevisionNotFound);
  EXPECT_FALSE(cluster.deployment->metadata().annotations().contains(kRollbackTo));
}

TEST(Reconcile, KeepsAsManyOldSetsAsAsked) {
  Cluster cluster{.deployment = Deployment(2, "v1")};
  cluster.deployment->mutable_spec()->set_revisionhistorylimit(2);
  for (int i = 1; i < 6; ++i) {
    cluster.Settle();
    cluster.SetImage("v" + std::to_string(i + 1));
  }
  cluster.Settle();
  EXPECT_EQ(cluster.sets.size(), 3u);
  EXPECT_EQ(Revision(*cluster.sets[0]), 4);
}

TEST(Reconcile, PausedScalesInProportionAndDoesNotRollOut) {
  Cluster cluster{.deployment = Deployment(10, "v1")};
  *cluster.deployment->mutable_spec()->mutable_strategy() = *Parse<appsv1::DeploymentStrategy>(
      R"({"type":"RollingUpdate","rollingUpdate":{"maxSurge":3,"maxUnavailable":2}})");
  cluster.Settle();
  cluster.SetImage("v2");
  for (int i = 0; i < 4; ++i) {  // 8 old, 5 new, new ones never available
    cluster.Step();
    cluster.sets[0]->mutable_status()->set_replicas(cluster.sets[0]->spec().replicas());
    cluster.sets[0]->mutable_status()->set_availablereplicas(cluster.sets[0]->spec().replicas());
    cluster.sets[1]->mutable_status()->set_replicas(cluster.sets[1]->spec().replicas());
  }
  ASSERT_EQ(cluster.sets[0]->spec().replicas(), 8);
  ASSERT_EQ(cluster.sets[1]->spec().replicas(), 5);
  cluster.deployment->mutable_spec()->set_paused(true);
  cluster.Scale(15);
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 11);
  EXPECT_EQ(cluster.sets[1]->spec().replicas(), 7);
  EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kDeploymentPaused);
  EXPECT_EQ(cluster.Condition(kProgressing)->message(), "Deployment is paused");
  cluster.deployment->mutable_spec()->set_paused(false);
  cluster.Step();
  EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kDeploymentResumed);
}

TEST(Reconcile, PausedCreatesNothing) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.deployment->mutable_spec()->set_paused(true);
  EXPECT_FALSE(cluster.Step().create);
}

TEST(Reconcile, ScalingMidRolloutIsProportional) {
  Cluster cluster{.deployment = Deployment(10, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.Step();
  cluster.Step();  // 8 old, 3 new
  cluster.Scale(20);
  cluster.Step();
  EXPECT_EQ(cluster.Total(), 25);
  EXPECT_GT(cluster.sets[0]->spec().replicas(), 8);
  EXPECT_GT(cluster.sets[1]->spec().replicas(), 3);
  EXPECT_EQ(IntAnnotation(cluster.sets[0]->metadata(), kDesiredReplicas), 20);
  EXPECT_EQ(IntAnnotation(cluster.sets[1]->metadata(), kMaxReplicas), 25);
}

TEST(Reconcile, ProgressDeadlinePasses) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Step();
  cluster.now += std::chrono::seconds(599);
  Actions actions = cluster.Step();
  EXPECT_EQ(*actions.check_after, std::chrono::seconds(2));
  cluster.now += std::chrono::seconds(2);
  actions = cluster.Step();
  const auto* progressing = cluster.Condition(kProgressing);
  EXPECT_EQ(progressing->status(), "False");
  EXPECT_EQ(progressing->reason(), kProgressDeadlineExceeded);
  EXPECT_FALSE(actions.check_after);
  // Late success is success.
  cluster.Settle();
  EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kNewReplicaSetAvailable);
}

TEST(Reconcile, ProgressMovesTheDeadline) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Step();
  cluster.now += std::chrono::seconds(500);
  cluster.sets[0]->mutable_status()->set_replicas(3);
  cluster.sets[0]->mutable_status()->set_readyreplicas(1);
  cluster.Step();
  EXPECT_EQ(cluster.Condition(kProgressing)->reason(), kReplicaSetUpdated);
  EXPECT_EQ(cluster.Condition(kProgressing)->lasttransitiontime().seconds(), 1'700'000'000);
  EXPECT_EQ(cluster.Condition(kProgressing)->lastupdatetime().seconds(), 1'700'000'500);
  cluster.now += std::chrono::seconds(500);
  cluster.Step();
  EXPECT_EQ(cluster.Condition(kProgressing)->status(), "True");
}

TEST(Reconcile, ReplicaFailureIsPassedOnAndTakenBack) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Step();
  *cluster.sets[0]->mutable_status()->add_conditions() = *Parse<appsv1::ReplicaSetCondition>(
      R"({"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"no quota"})");
  cluster.Step();
  ASSERT_NE(cluster.Condition(kReplicaFailure), nullptr);
  EXPECT_EQ(cluster.Condition(kReplicaFailure)->message(), "no quota");
  cluster.sets[0]->mutable_status()->clear_conditions();
  cluster.Step();
  EXPECT_EQ(cluster.Condition(kReplicaFailure), nullptr);
}

PodPtr PodOf(const std::string& set_uid, const std::string& phase) {
  return Parse<corev1::Pod>(R"({"metadata":{"ownerReferences":[{"controller":true,"uid":")" +
                            set_uid + R"("}]},"status":{"phase":")" + phase + R"("}})");
}

TEST(Reconcile, RecreateWaitsForTheLastOldPod) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  *cluster.deployment->mutable_spec()->mutable_strategy() =
      *Parse<appsv1::DeploymentStrategy>(R"({"type":"Recreate"})");
  cluster.Settle();
  ASSERT_EQ(cluster.sets[0]->spec().replicas(), 3);
  cluster.SetImage("v2");
  cluster.Step();
  EXPECT_EQ(cluster.sets[0]->spec().replicas(), 0);
  EXPECT_EQ(cluster.sets.size(), 1u);
  cluster.Step();
  EXPECT_EQ(cluster.sets.size(), 1u) << "status still counts pods";
  cluster.RunPods();
  cluster.Step({PodOf("rs-1", "Running")});
  EXPECT_EQ(cluster.sets.size(), 1u) << "a pod terminates";
  cluster.Step({PodOf("rs-1", "Failed")});
  ASSERT_EQ(cluster.sets.size(), 2u);
  EXPECT_EQ(cluster.sets[1]->spec().replicas(), 3);
}

TEST(Reconcile, AdoptsASetThatMatchesWithoutMakingOne) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  Cluster other{.deployment = Deployment(3, "v1"), .sets = cluster.sets};
  EXPECT_FALSE(other.Step().create);
  EXPECT_EQ(other.Condition(kProgressing)->reason(), kNewReplicaSetAvailable);
}

TEST(Reconcile, OnlyReportsWhileBeingDeleted) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.Settle();
  cluster.SetImage("v2");
  cluster.deployment->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  const Actions actions = cluster.Step();
  EXPECT_FALSE(actions.create);
  EXPECT_TRUE(actions.update_status);
  EXPECT_EQ(cluster.deployment->status().updatedreplicas(), 0);
}

TEST(Reconcile, RefusesToSelectEverything) {
  Cluster cluster{.deployment = Deployment(3, "v1")};
  cluster.deployment->mutable_spec()->clear_selector();
  const Actions actions = cluster.Step();
  EXPECT_FALSE(actions.create);
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].reason, "SelectingAll");
  EXPECT_EQ(cluster.deployment->status().observedgeneration(), 1);
}

TEST(Reconcile, CollisionsAndCreateErrorsReachTheStatus) {
  const auto deployment = Deployment(3, "v1");
  const auto collided = WithCollision(*deployment);
  EXPECT_EQ(collided->status().collisioncount(), 1);
  EXPECT_EQ(WithCollision(*collided)->status().collisioncount(), 2);
  Cluster first{.deployment = deployment};
  Cluster second{.deployment = collided};
  first.Step();
  second.Step();
  EXPECT_NE(first.sets[0]->metadata().name(), second.sets[0]->metadata().name());

  const auto failed = WithCreateError(*deployment, "no room", kNow);
  EXPECT_EQ(FindCondition(&failed->status().conditions(), kProgressing)->reason(),
            kReplicaSetCreateError);
  deployment->mutable_spec()->clear_progressdeadlineseconds();
  EXPECT_EQ(WithCreateError(*deployment, "no room", kNow), nullptr);
}

}  // namespace
}  // namespace wherry::controllers::deployment
