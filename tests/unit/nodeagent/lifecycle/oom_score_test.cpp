#include "nodeagent/lifecycle/oom_score.h"

#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

constexpr int64_t kCapacity = 10LL << 30;

int32_t Score(const std::string& resources, int32_t priority = 0) {
  const Pod pod = PodFrom(R"({"metadata":{"name":"p","namespace":"ns","uid":"u"},"spec":{
    "priority":)" + std::to_string(priority) +
                          R"(,"containers":[{"name":"a","resources":)" + resources + R"(}]}})");
  return OomScoreAdj(pod, *FindContainer(pod, "a"), kCapacity);
}

TEST(OomScoreTest, FollowsTheQosClass) {
  EXPECT_EQ(Score("{}"), 1000);
  EXPECT_EQ(Score(R"({"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}})"),
            -997);
  EXPECT_EQ(Score("{}", 2'000'001'000), -997);
}

// The more of the node's memory a burstable container asks for, the later it goes; it stays between
// the two other classes.
TEST(OomScoreTest, BurstableFollowsTheMemoryRequest) {
  EXPECT_EQ(Score(R"({"requests":{"memory":"1Gi"}})"), 900);
  EXPECT_EQ(Score(R"({"requests":{"memory":"4Gi"}})"), 600);
  EXPECT_EQ(Score(R"({"requests":{"cpu":"1"}})"), 999);
  EXPECT_EQ(Score(R"({"requests":{"memory":"1Mi"}})"), 999);
  EXPECT_EQ(Score(R"({"requests":{"memory":"10Gi"}})"), 3);
  EXPECT_EQ(Score(R"({"requests":{"memory":"5000Pi"}})"), 3);
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
