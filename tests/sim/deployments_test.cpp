// Deployments: rollouts, scaling, undoing, history.

#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

#include <set>

namespace wherry::sim {
namespace {

namespace apps = api::apps::v1;
namespace core = api::core::v1;

using DeploymentsTest = ClusterTest;

TEST_F(DeploymentsTest, DeploymentScalesFromZeroToAHundredInSeconds) {
  Deploy(0);
  EXPECT_TRUE(Eventually([&] { return Complete(0); }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":100}})");
  // The pods take up to two seconds to start; the control plane adds little.
  EXPECT_TRUE(Eventually([&] { return Complete(100); }, 4s));
  EXPECT_EQ(List<core::Pod>("default", "app=web").size(), 100u);
}

TEST_F(DeploymentsTest, DeploymentTellsItsStoryInEvents) {
  Deploy(2);
  EXPECT_TRUE(Eventually([&] { return Complete(2); }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":3}})");
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  std::multiset<std::string> messages;
  EXPECT_TRUE(Eventually([&] {
    messages.clear();
    for (const auto& event : List<core::Event>("default")) {
      if (event->reason() == "ScalingReplicaSet") messages.insert(event->message());
    }
    return messages.size() == 2;
  }));
  const std::string set = List<apps::ReplicaSet>("default")[0]->metadata().name();
  EXPECT_TRUE(messages.contains("Scaled up replica set " + set + " to 2"));
  EXPECT_TRUE(messages.contains("Scaled up replica set " + set + " to 3 from 2"));
}

TEST_F(DeploymentsTest, RecreateNeverRunsTwoVersions) {
  Deploy(3, R"(,"strategy":{"type":"Recreate"})");
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  SetImage("v2");
  bool mixed = false;
  EXPECT_TRUE(Eventually([&] {
    std::set<std::string> images;
    for (const auto& pod : List<core::Pod>("default", "app=web"))
      images.insert(pod->spec().containers(0).image());
    mixed |= images.size() > 1;
    return Complete(3) && images == std::set<std::string>{"v2"};
  }));
  EXPECT_FALSE(mixed);
}

// What `kubectl rollout undo` does: the old template again, which its own set takes up.
TEST_F(DeploymentsTest, UndoTakesTheOldSetUpAgain) {
  const auto annotation = [](const auto& object, const std::string& key) -> std::string {
    const auto& annotations = object.metadata().annotations();
    const auto it = annotations.find("deployment.kubernetes.io/" + key);
    return it == annotations.end() ? "" : it->second;
  };
  Deploy(3);
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  const std::string first = Sets().at("v1")->metadata().uid();
  SetImage("v2");
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  SetImage("v1");
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  const auto sets = Sets();
  EXPECT_EQ(sets.at("v1")->metadata().uid(), first);
  EXPECT_EQ(sets.at("v1")->spec().replicas(), 3);
  EXPECT_EQ(sets.at("v2")->spec().replicas(), 0);
  EXPECT_EQ(annotation(*sets.at("v1"), "revision"), "3");
  EXPECT_EQ(annotation(*sets.at("v1"), "revision-history"), "1");
  EXPECT_EQ(annotation(*Get<apps::Deployment>("default", "web"), "revision"), "3");
}

TEST_F(DeploymentsTest, HistoryIsKeptUpToItsLimit) {
  Deploy(1, R"(,"revisionHistoryLimit":2)");
  EXPECT_TRUE(Eventually([&] { return Complete(1); }));
  for (const char* image : {"v2", "v3", "v4", "v5"}) {
    SetImage(image);
    EXPECT_TRUE(Eventually([&] { return Complete(1); }));
  }
  EXPECT_TRUE(Eventually([&] { return Sets().size() == 3; }));
  EXPECT_TRUE(Sets().contains("v3"));
  EXPECT_TRUE(Sets().contains("v4"));
  EXPECT_TRUE(Sets().contains("v5"));
}

TEST_F(DeploymentsTest, PausedOnesScaleAndDoNotRollOut) {
  Deploy(2);
  EXPECT_TRUE(Eventually([&] { return Complete(2); }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"paused":true}})");
  SetImage("v2");
  EXPECT_TRUE(Never([&] { return Sets().contains("v2"); }, 5s));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":4}})");
  EXPECT_TRUE(Eventually([&] { return Sets().at("v1")->status().availablereplicas() == 4; }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"paused":false}})");
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  EXPECT_EQ(Sets().at("v2")->spec().replicas(), 4);
}

// No node has the label, so that pods of this template wait for ever.
constexpr char kNowhere[] =
    R"({"spec":{"template":{"spec":{"nodeSelector":{"no":"node"},
        "containers":[{"name":"c","image":"stuck"}]}}}})";

TEST_F(DeploymentsTest, AStuckRolloutSaysSoAtItsDeadline) {
  Deploy(2, R"(,"progressDeadlineSeconds":20)");
  EXPECT_TRUE(Eventually([&] { return Complete(2); }));
  Patch<apps::Deployment>("default", "web", kNowhere);
  const auto progressing = [&] {
    const auto deployment = Get<apps::Deployment>("default", "web");
    for (const auto& condition : deployment->status().conditions()) {
      if (condition.type() == "Progressing") return condition.status() + " " + condition.reason();
    }
    return std::string();
  };
  EXPECT_TRUE(Never([&] { return progressing() == "False ProgressDeadlineExceeded"; }, 15s));
  EXPECT_TRUE(Eventually([&] { return progressing() == "False ProgressDeadlineExceeded"; }, 15s));
  EXPECT_EQ(Sets().at("v1")->status().availablereplicas(), 2) << "the old pods serve on";
  SetImage("v1");
  Patch<apps::Deployment>("default", "web",
                          R"({"spec":{"template":{"spec":{"nodeSelector":{"no":null}}}}})");
  EXPECT_TRUE(Eventually([&] { return progressing() == "True NewReplicaSetAvailable"; }));
}

// The example of the documentation: 10 replicas in a rollout stuck at 8 old and 5 new become 15.
TEST_F(DeploymentsTest, ScalingInTheMiddleOfARolloutIsProportional) {
  Deploy(10, R"(,"strategy":{"rollingUpdate":{"maxSurge":3,"maxUnavailable":2}})");
  EXPECT_TRUE(Eventually([&] { return Complete(10); }));
  Patch<apps::Deployment>("default", "web", kNowhere);
  const auto sizes = [&](int old_size, int new_size) {
    const auto sets = Sets();
    return sets.contains("stuck") && sets.at("v1")->spec().replicas() == old_size &&
           sets.at("stuck")->spec().replicas() == new_size;
  };
  EXPECT_TRUE(Eventually([&] { return sizes(8, 5); }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":15}})");
  EXPECT_TRUE(Eventually([&] { return sizes(11, 7); }));
  EXPECT_TRUE(Never([&] { return !sizes(11, 7); }, 5s));
}

// Somebody else's set has the name that the template's hash gives: the next hash differs.
TEST_F(DeploymentsTest, ATakenNameIsACollision) {
  Deploy(1);
  EXPECT_TRUE(Eventually([&] { return Complete(1); }));
  const std::string name = Sets().at("v1")->metadata().name();
  Delete<apps::Deployment>("default", "web", "Background");
  EXPECT_TRUE(Eventually([&] { return Sets().empty(); }));
  Create<apps::ReplicaSet>("default", R"({"metadata":{"name":")" + name + R"("},
      "spec":{"replicas":0,"selector":{"matchLabels":{"app":"foreign"}},
              "template":{"metadata":{"labels":{"app":"foreign"}},
                          "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  Deploy(1);
  EXPECT_TRUE(Eventually([&] { return Complete(1); }));
  EXPECT_EQ(Get<apps::Deployment>("default", "web")->status().collisioncount(), 1);
  EXPECT_NE(Sets().at("v1")->metadata().name(), name);
}

}  // namespace
}  // namespace wherry::sim
