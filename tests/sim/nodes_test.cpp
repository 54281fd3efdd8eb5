// Nodes: pod ranges, silence, eviction, removal.

#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

#include <algorithm>

namespace wherry::sim {
namespace {

namespace core = api::core::v1;

using NodesTest = ClusterTest;

std::string Ready(const core::Node& node) {
  for (const auto& condition : node.status().conditions()) {
    if (condition.type() == "Ready") return condition.status();
  }
  return "";
}

TEST_F(NodesTest, NodesGetPodRanges) {
  EXPECT_TRUE(Eventually([&] {
    const auto first = Get<core::Node>("", "node-0");
    const auto second = Get<core::Node>("", "node-1");
    return first && second && !first->spec().podcidr().empty() &&
           !second->spec().podcidr().empty() &&
           first->spec().podcidr() != second->spec().podcidr() &&
           first->spec().podcidrs_size() == 1;
  }));
}

// A node falls silent: Unknown after 40 s, its pods leave the services, and after five minutes they
// are replaced elsewhere. When it comes back, its taints go.
TEST_F(NodesTest, SilentNodesLoseTheirPods) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  plane_->StopNode(0);
  EXPECT_TRUE(Never([&] { return Ready(*Get<core::Node>("", "node-0")) == "Unknown"; }, 25s));
  EXPECT_TRUE(Eventually([&] { return Ready(*Get<core::Node>("", "node-0")) == "Unknown"; }, 30s));
  EXPECT_TRUE(Eventually([&] { return Get<core::Node>("", "node-0")->spec().taints_size() == 2; }));
  EXPECT_EQ(Ready(*Get<core::Node>("", "node-1")), "True");
  const auto on = [&](const std::string& node, bool living) {
    int count = 0;
    for (const auto& pod : List<core::Pod>("default", "app=web"))
      count += pod->spec().nodename() == node && pod->metadata().has_deletiontimestamp() != living;
    return count;
  };
  const int lost = on("node-0", true);
  ASSERT_GT(lost, 0);
  EXPECT_TRUE(Never([&] { return on("node-0", true) < lost; }, 280s)) << "tolerated for 300 s";
  EXPECT_TRUE(Eventually([&] { return on("node-0", true) == 0 && on("node-1", true) == 4; }, 60s));
  const auto events = List<core::Event>("default");
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const auto& event) {
    return event->reason() == "TaintManagerEviction" &&
           event->source().component() == "taint-controller" &&
           event->message().starts_with("Marking for deletion Pod default/web-");
  }));
  plane_->StartNode(0);
  EXPECT_TRUE(Eventually([&] {
    const auto node = Get<core::Node>("", "node-0");
    return Ready(*node) == "True" && node->spec().taints().empty();
  }));
  EXPECT_TRUE(Eventually([&] { return on("node-0", false) == 0; })) << "terminated at last";
}

// Heartbeats that nobody saw because the controllers were away are not held against the nodes.
TEST_F(NodesTest, TimeWithoutControllersHarmsNobody) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  plane_->RestartControllers(10min);
  sim_.Advance(10min + 1s);
  EXPECT_TRUE(Never(
      [&] {
        return Ready(*Get<core::Node>("", "node-0")) != "True" ||
               Ready(*Get<core::Node>("", "node-1")) != "True" ||
               List<core::Pod>("default", "app=web").size() != 4;
      },
      60s));
}

// All nodes silent at once looks like a fault of the network to the control plane.
TEST_F(NodesTest, NothingIsEvictedWhenEveryNodeIsSilent) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  plane_->StopNode(0);
  plane_->StopNode(1);
  sim_.Advance(15min);
  EXPECT_EQ(Ready(*Get<core::Node>("", "node-0")), "Unknown");
  int living = 0;
  for (const auto& pod : List<core::Pod>("default", "app=web"))
    living += !pod->metadata().has_deletiontimestamp();
  EXPECT_EQ(living, 4);
}

TEST_F(NodesTest, PodsOfADeletedNodeAreRemoved) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  plane_->StopNode(0);
  Delete<core::Node>("", "node-0");
  EXPECT_TRUE(Eventually(
      [&] {
        const auto pods = List<core::Pod>("default", "app=web");
        return pods.size() == 4 && std::all_of(pods.begin(), pods.end(), [](const auto& pod) {
                 return pod->spec().nodename() == "node-1";
               });
      },
      120s));
}

// A taint that others put on a node does not keep its pods there when it falls silent.
TEST_F(NodesTest, ForeignTaintsDoNotStopEviction) {
  Patch<core::Node>("", "node-0", R"({"spec":{"taints":[{"key":"mine","effect":"NoExecute"}]}})");
  plane_->StopNode(0);
  const auto evicted = [&] {
    const auto node = Get<core::Node>("", "node-0");
    return std::any_of(
        node->spec().taints().begin(), node->spec().taints().end(), [](const auto& taint) {
          return taint.key() == "node.kubernetes.io/unreachable" && taint.effect() == "NoExecute";
        });
  };
  EXPECT_TRUE(Eventually(evicted, 60s));
}

// Somebody says that a silent node will not come back: its pods end without its kubelet.
TEST_F(NodesTest, TerminatingPodsLeaveNodesThatAreOutOfService) {
  Deploy(4);
  EXPECT_TRUE(Eventually([&] { return Complete(4); }));
  plane_->StopNode(0);
  EXPECT_TRUE(Eventually([&] { return Ready(*Get<core::Node>("", "node-0")) == "Unknown"; }, 60s));
  std::string lost;
  for (const auto& pod : List<core::Pod>("default", "app=web")) {
    if (pod->spec().nodename() == "node-0") lost = pod->metadata().name();
  }
  ASSERT_NE(lost, "");
  Delete<core::Pod>("default", lost);
  EXPECT_TRUE(Never([&] { return !Exists<core::Pod>("default", lost); }, 10s));
  const auto node = Get<core::Node>("", "node-0");
  auto tainted = std::make_shared<core::Node>(*node);
  auto* taint = tainted->mutable_spec()->add_taints();
  taint->set_key("node.kubernetes.io/out-of-service");
  taint->set_effect("NoSchedule");
  EXPECT_TRUE(Await(user().Update(tainted)).ok());
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Pod>("default", lost); }));
}

class FewFinishedPodsTest : public ClusterTest {
 protected:
  FewFinishedPodsTest() : ClusterTest({.terminated_pods_max = 2}) {}
};

TEST_F(FewFinishedPodsTest, FinishedPodsBeyondTheNumberGo) {
  for (const char* name : {"a", "b", "c"}) {
    Create<core::Pod>("default", std::string(R"({"metadata":{"name":")") + name +
                                     R"("},"spec":{"containers":[{"name":"c","image":"i"}]}})");
    EXPECT_TRUE(
        Eventually([&] { return Get<core::Pod>("default", name)->status().phase() == "Running"; }));
    sim_.Advance(2s);
  }
  for (const char* name : {"c", "b", "a"})
    Patch<core::Pod>("default", name, R"({"status":{"phase":"Succeeded"}})", "status");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Pod>("default", "a"); }));
  EXPECT_TRUE(Exists<core::Pod>("default", "b"));
  EXPECT_TRUE(Exists<core::Pod>("default", "c"));
}

TEST_F(NodesTest, TerminatingPodsThatNeverHadANodeGo) {
  Create<core::Pod>("default", R"({"metadata":{"name":"waiting"},"spec":{
      "nodeSelector":{"no":"node"},"containers":[{"name":"c","image":"i"}]}})");
  EXPECT_TRUE(
      Never([&] { return !Get<core::Pod>("default", "waiting")->spec().nodename().empty(); }, 3s));
  Delete<core::Pod>("default", "waiting");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Pod>("default", "waiting"); }, 5s));
}

}  // namespace
}  // namespace wherry::sim
