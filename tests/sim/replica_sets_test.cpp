// ReplicaSets.

#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace apps = api::apps::v1;
namespace core = api::core::v1;

using ReplicaSetsTest = ClusterTest;

TEST_F(ReplicaSetsTest, ReplicaSetAdoptsAndReleases) {
  Create<core::Pod>("default", R"({"metadata":{"name":"stray","labels":{"name":"stray"}},
                                   "spec":{"containers":[{"name":"c","image":"i"}]}})");
  const auto set = Create<apps::ReplicaSet>(
      "default",
      R"({"metadata":{"name":"rs"},"spec":{"replicas":1,"selector":{"matchLabels":{"name":"stray"}},
          "template":{"metadata":{"labels":{"name":"stray"}},
                      "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  const auto owner = [&] {
    const auto pod = Get<core::Pod>("default", "stray");
    return pod->metadata().ownerreferences().empty() ? ""
                                                     : pod->metadata().ownerreferences(0).uid();
  };
  EXPECT_TRUE(Eventually([&] { return owner() == set->metadata().uid(); }));
  EXPECT_EQ(List<core::Pod>("default", "name=stray").size(), 1u);
  Patch<core::Pod>("default", "stray", R"({"metadata":{"labels":{"name":"free"}}})");
  EXPECT_TRUE(Eventually([&] { return owner().empty(); }));
  EXPECT_TRUE(Eventually([&] { return List<core::Pod>("default", "name=stray").size() == 1; }));
}

// What goes first when a set shrinks is the user's to say; then pods that share a node go.
TEST_F(ReplicaSetsTest, ShrinkingTakesTheCheapestPod) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  std::map<std::string, std::vector<std::string>> by_node;
  for (const auto& pod : List<core::Pod>("default", "app=web"))
    by_node[pod->spec().nodename()].push_back(pod->metadata().name());
  ASSERT_EQ(by_node.size(), 2u);
  const auto& fuller = by_node["node-0"].size() > 2 ? by_node["node-0"] : by_node["node-1"];
  const std::string cheap = fuller.back();
  Patch<core::Pod>(
      "default", cheap,
      R"({"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1"}}})");
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":3}})");
  EXPECT_TRUE(Eventually([&] { return Complete(3) && !Exists<core::Pod>("default", cheap); }));
  Patch<apps::Deployment>("default", "web", R"({"spec":{"replicas":2}})");
  EXPECT_TRUE(Eventually([&] { return List<core::Pod>("default", "app=web").size() == 2; }));
  const auto left = List<core::Pod>("default", "app=web");
  EXPECT_NE(left[0]->spec().nodename(), left[1]->spec().nodename());
}

// Pods that are refused are tried in ever larger batches: one refusal costs one request.
TEST_F(ReplicaSetsTest, RefusedPodsShowAsFailure) {
  Create<apps::ReplicaSet>("default", R"({"metadata":{"name":"rs"},"spec":{"replicas":50,
      "selector":{"matchLabels":{"app":"refused"}},
      "template":{"metadata":{"labels":{"app":"refused"}},
                  "spec":{"serviceAccountName":"absent",
                          "containers":[{"name":"c","image":"i"}]}}}})");
  const auto failure = [&]() -> std::string {
    const auto set = Get<apps::ReplicaSet>("default", "rs");
    for (const auto& condition : set->status().conditions()) {
      if (condition.type() == "ReplicaFailure") return condition.status() + condition.reason();
    }
    return "";
  };
  EXPECT_TRUE(Eventually([&] { return failure() == "TrueFailedCreate"; }));
  EXPECT_TRUE(Eventually([&] { return HasEvent("FailedCreate", "serviceaccount"); }));
  EXPECT_TRUE(List<core::Pod>("default", "app=refused").empty());
  Create<core::ServiceAccount>("default", R"({"metadata":{"name":"absent"}})");
  EXPECT_TRUE(Eventually(
      [&] { return failure().empty() && List<core::Pod>("default", "app=refused").size() == 50; }));
}

}  // namespace
}  // namespace wherry::sim
