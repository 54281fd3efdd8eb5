#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

namespace wherry::nodeagent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class NodeStatsTest : public NodeFixture {};

// The fake runtime's containers use a tenth of a core and 8 MiB.
TEST_F(NodeStatsTest, TheSummaryTellsWhatThePodsUse) {
  machine_usage_.resources.memory_working_set_bytes = 1 << 30;
  machine_usage_.interfaces = {{.name = "eth0", .rx_bytes = 5, .tx_bytes = 6}};
  StartAgent();
  Json limits = {{"resources", {{"limits", {{"memory", "10Mi"}}}}}};
  CreatePod("web", {{"containers", {Container({"server"}, limits)}},
                    {"volumes", {{{"name", "scratch"}, {"emptyDir", Json::object()}}}}});
  CreatePod("done", {{"restartPolicy", "Never"}, {"containers", {Container({"exit", "0"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  ASSERT_TRUE(UntilPhase("done", "Succeeded"));
  machine_->SetDiskUsage("c", 4096);
  AskAgent("/stats/summary");
  sim_.Advance(seconds(20));
  Answer answer = AskAgent("/stats/summary");
  ASSERT_EQ(answer.status, 200) << answer.text;
  Json node = answer.body["node"];
  EXPECT_EQ(node["nodeName"], "n1");
  EXPECT_EQ(node["memory"]["workingSetBytes"], 1 << 30);
  EXPECT_EQ(node["memory"]["availableBytes"], 3LL << 30);
  EXPECT_EQ(node["network"]["name"], "eth0");
  EXPECT_EQ(node["network"]["rxBytes"], 5);
  EXPECT_EQ(node["fs"]["usedBytes"], 40LL << 30);
  EXPECT_EQ(node["fs"]["capacityBytes"], 100LL << 30);
  EXPECT_EQ(node["fs"]["availableBytes"], 60LL << 30);
  Json pod;
  for (const auto& entry : answer.body["pods"])
    if (entry["podRef"]["name"] == "web") pod = entry;
  ASSERT_FALSE(pod.is_null()) << answer.text;
  EXPECT_EQ(pod["podRef"]["namespace"], "default");
  EXPECT_NEAR(pod["cpu"]["usageNanoCores"].get<double>(), 1e8, 1e6);
  EXPECT_NEAR(pod["cpu"]["usageCoreNanoSeconds"].get<double>(), 2e9, 1e8);
  EXPECT_EQ(pod["ephemeral-storage"]["usedBytes"].get<int64_t>() % 4096, 0);
  EXPECT_GE(pod["ephemeral-storage"]["usedBytes"], 4096);
  EXPECT_EQ(pod["volume"][0]["name"], "scratch");
  Json container = pod["containers"][0];
  EXPECT_EQ(container["name"], "c");
  EXPECT_NEAR(container["cpu"]["usageNanoCores"].get<double>(), 1e8, 1e6);
  EXPECT_EQ(container["memory"]["workingSetBytes"], 8 << 20);
  EXPECT_EQ(container["memory"]["availableBytes"], 2 << 20);
  EXPECT_EQ(container["rootfs"]["usedBytes"], 4096);
}

TEST_F(NodeStatsTest, ARateNeedsTwoMeasurements) {
  machine_info_.memory_bytes = 4LL << 30;
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  Json first = AskAgent("/stats/summary").body["pods"][0]["cpu"];
  EXPECT_FALSE(first.contains("usageNanoCores"));
  sim_.Advance(milliseconds(100));
  Json second = AskAgent("/stats/summary").body["pods"][0]["cpu"];
  EXPECT_FALSE(second.contains("usageNanoCores"));
  sim_.Advance(seconds(11));
  Json third = AskAgent("/stats/summary").body["pods"][0]["cpu"];
  EXPECT_TRUE(third.contains("usageNanoCores"));
}

TEST_F(NodeStatsTest, ResourceMetricsHaveUpstreamsNames) {
  machine_usage_.resources.cpu_ns = 1500000000;
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  Answer answer = AskAgent("/metrics/resource");
  ASSERT_EQ(answer.status, 200);
  EXPECT_THAT(answer.text, HasSubstr("\nnode_cpu_usage_seconds_total 1.5 "));
  EXPECT_THAT(answer.text, HasSubstr("# TYPE container_cpu_usage_seconds_total counter\n"
                                     "container_cpu_usage_seconds_total{container=\"c\","
                                     "namespace=\"default\",pod=\"web\"} "));
  EXPECT_THAT(answer.text,
              HasSubstr("container_memory_working_set_bytes{container=\"c\",namespace=\"default\","
                        "pod=\"web\"} 8388608 "));
  EXPECT_THAT(answer.text, HasSubstr("container_start_time_seconds{container=\"c\""));
  EXPECT_THAT(answer.text,
              HasSubstr("pod_memory_working_set_bytes{namespace=\"default\",pod=\"web\"} "));
  EXPECT_THAT(answer.text, HasSubstr("\nscrape_error 0\n"));
  EXPECT_EQ(AskAgent("/metrics/resource", false).status, 401);
}

}  // namespace
}  // namespace wherry::nodeagent
