// Scheduling against the real API server: pods whose rules look at other pods.

#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace core = api::core::v1;

class SchedulingTest : public ClusterTest {
 protected:
  SchedulingTest() {
    for (const std::string name : {"node-0", "node-1"}) {
      EXPECT_TRUE(Eventually([&] { return Exists<core::Node>("", name); }));
      Patch<core::Node>("", name, R"({"metadata":{"labels":{"rack":")" + name + R"("}}})");
    }
  }
  void CreatePod(const std::string& name, const std::string& app, const std::string& spec = "",
                 const std::string& cpu = "100m") {
    Create<core::Pod>("default", R"({"metadata":{"name":")" + name + R"(","labels":{"app":")" +
                                     app + R"("}},"spec":{)" + spec +
                                     R"("containers":[{"name":"c","image":"i",
                                        "resources":{"requests":{"cpu":")" +
                                     cpu + R"("}}}]}})");
  }
  std::string NodeOf(const std::string& name) {
    const auto pod = Get<core::Pod>("default", name);
    return pod == nullptr ? "" : pod->spec().nodename();
  }
  bool IsPlaced(const std::string& name, std::chrono::seconds limit = 20s) {
    return Eventually([&] { return !NodeOf(name).empty(); }, limit);
  }
};

std::string Affinity(const std::string& kind, const std::string& app) {
  return R"("affinity":{")" + kind +
         R"(":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":
             {"matchLabels":{"app":")" +
         app + R"("}},"topologyKey":"rack"}]}},)";
}

TEST_F(SchedulingTest, APodThatFollowsAnotherWaitsForIt) {
  CreatePod("web", "web", Affinity("podAffinity", "db"));
  EXPECT_TRUE(Eventually(
      [&] { return HasEvent("FailedScheduling", "2 node(s) didn't match pod affinity rules"); }));
  EXPECT_TRUE(Never([&] { return !NodeOf("web").empty(); }, 60s));
  CreatePod("db", "db");
  EXPECT_TRUE(IsPlaced("db"));
  EXPECT_TRUE(IsPlaced("web")) << "the new pod wakes it, not the five minutes";
  EXPECT_EQ(NodeOf("web"), NodeOf("db"));
}

TEST_F(SchedulingTest, ASecondFailedAttemptWritesNothingAndATurnKeepsItsTime) {
  CreatePod("web", "web", R"("nodeSelector":{"no":"such"},)");
  auto condition = [this] {
    const auto pod = Get<core::Pod>("default", "web");
    return pod->status().conditions_size() == 0 ? core::PodCondition()
                                                : pod->status().conditions(0);
  };
  EXPECT_TRUE(Eventually([&] { return condition().status() == "False"; }));
  EXPECT_EQ(condition().message(),
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling..");
  const int64_t since = condition().lasttransitiontime().seconds();
  const std::string version = Get<core::Pod>("default", "web")->metadata().resourceversion();
  auto attempts = [this] {
    int count = 0;
    for (const auto& event : List<core::Event>("default")) {
      if (event->reason() == "FailedScheduling") count += event->count();
    }
    return count;
  };
  Patch<core::Node>("", "node-0", R"({"metadata":{"labels":{"x":"1"}}})");
  EXPECT_TRUE(Eventually([&] { return attempts() == 2; }));
  EXPECT_TRUE(Never(
      [&] { return Get<core::Pod>("default", "web")->metadata().resourceversion() != version; },
      10s));
  // Another message is written; the condition has been False all the time.
  Patch<core::Node>("", "node-0", R"({"spec":{"unschedulable":true}})");
  EXPECT_TRUE(
      Eventually([&] { return condition().message().find("unschedulable") != std::string::npos; }));
  EXPECT_EQ(condition().lasttransitiontime().seconds(), since);
}

TEST_F(SchedulingTest, PodsThatKeepApartTakeANodeEach) {
  const std::string apart = Affinity("podAntiAffinity", "web");
  for (const char* name : {"one", "two", "three"}) CreatePod(name, "web", apart);
  EXPECT_TRUE(Eventually([&] {
    return HasEvent("FailedScheduling", "2 node(s) didn't match pod anti-affinity rules");
  }));
  int placed = 0;
  for (const char* name : {"one", "two", "three"}) placed += NodeOf(name).empty() ? 0 : 1;
  EXPECT_EQ(placed, 2);
  const std::string waiting = NodeOf("one").empty()   ? "one"
                              : NodeOf("two").empty() ? "two"
                                                      : "three";
  Delete<core::Pod>("default", waiting == "one" ? "two" : "one");
  EXPECT_TRUE(IsPlaced(waiting, 60s));
}

TEST_F(SchedulingTest, ALabelThatChangesWakesThoseThatLookForIt) {
  CreatePod("cache", "cache");
  EXPECT_TRUE(IsPlaced("cache"));
  CreatePod("web", "web", Affinity("podAffinity", "db"));
  EXPECT_TRUE(Never([&] { return !NodeOf("web").empty(); }, 60s));
  Patch<core::Pod>("default", "cache", R"({"metadata":{"labels":{"app":"db"}}})");
  EXPECT_TRUE(IsPlaced("web"));
}

TEST_F(SchedulingTest, AChangedLabelOfTheWaitingPodIsSeen) {
  CreatePod("db", "db");
  EXPECT_TRUE(IsPlaced("db"));
  // The only one that may stand beside the first is one of its own.
  const std::string apart =
      R"("affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":
         {"matchLabels":{"app":"lead"}},"topologyKey":"rack"}]}},)";
  CreatePod("web", "web", apart);
  EXPECT_TRUE(Never([&] { return !NodeOf("web").empty(); }, 60s));
  // As many labels as before: now it is the first of its group, and may go anywhere.
  Patch<core::Pod>("default", "web", R"({"metadata":{"labels":{"app":"lead"}}})");
  EXPECT_TRUE(IsPlaced("web"));
}

TEST_F(SchedulingTest, ACriticalPodTakesTheRoomOfOthers) {
  // The nodes have 64 cores each.
  for (const char* name : {"large-0", "large-1"}) CreatePod(name, "large", "", "60");
  for (const char* name : {"small-0", "small-1"}) CreatePod(name, "small", "", "3");
  for (const char* name : {"large-0", "large-1", "small-0", "small-1"}) {
    EXPECT_TRUE(IsPlaced(name));
  }
  CreatePod("humble", "humble", "", "2");
  EXPECT_TRUE(Eventually([&] { return HasEvent("FailedScheduling", "2 Insufficient cpu"); }));
  EXPECT_FALSE(HasEvent("Preempted", ""));
  CreatePod("critical", "critical", R"("priorityClassName":"system-cluster-critical",)", "3");
  EXPECT_TRUE(IsPlaced("critical", 60s));
  EXPECT_TRUE(HasEvent("Preempted", "Preempted by a pod on node " + NodeOf("critical")));
  int left = 0;
  for (const char* name : {"large-0", "large-1", "small-0", "small-1"}) {
    left += Exists<core::Pod>("default", name) ? 1 : 0;
  }
  EXPECT_EQ(left, 3) << "one is enough";
}

}  // namespace
}  // namespace wherry::sim
