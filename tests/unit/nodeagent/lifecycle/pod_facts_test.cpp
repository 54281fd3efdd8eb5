#include "nodeagent/lifecycle/pod_facts.h"

#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

Pod WithResources(const std::string& resources, const std::string& init = "{}") {
  return PodFrom(R"({"metadata":{"name":"p","namespace":"ns","uid":"u"},"spec":{
    "initContainers":[{"name":"i","resources":)" +
                 init + R"(}],
    "containers":[{"name":"a","resources":)" +
                 resources + R"(}]}})");
}

TEST(PodFactsTest, QosClassFollowsRequestsAndLimits) {
  const std::string both =
      R"({"requests":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"1","memory":"1Gi"}})";
  EXPECT_EQ(QosClass(WithResources("{}")), "BestEffort");
  EXPECT_EQ(QosClass(WithResources(both, both)), "Guaranteed");
  EXPECT_EQ(QosClass(WithResources(both)), "Burstable");
  EXPECT_EQ(QosClass(WithResources(R"({"requests":{"cpu":"1"}})")), "Burstable");
  EXPECT_EQ(QosClass(WithResources(
                R"({"requests":{"cpu":"500m","memory":"1Gi"},"limits":{"cpu":"1","memory":"1Gi"}})",
                both)),
            "Burstable");
}

// Init containers run one by one: only the largest counts, where it exceeds the sum of the others.
TEST(PodFactsTest, RequestsAreTheSumOrTheLargestInitContainer) {
  const QuantityMap requests = PodRequests(WithResources(
      R"({"requests":{"cpu":"250m","memory":"64Mi"}})", R"({"requests":{"cpu":"1"}})"));
  EXPECT_EQ(requests.at("cpu"), 1000);
  EXPECT_EQ(requests.at("memory"), 64 << 20);
}

TEST(PodFactsTest, ALimitIsCompleteOnlyWhenAllHaveOne) {
  EXPECT_FALSE(PodLimitOf(WithResources(R"({"limits":{"cpu":"1"}})"), "cpu").complete);
  const PodLimit limit =
      PodLimitOf(WithResources(R"({"limits":{"cpu":"1"}})", R"({"limits":{"cpu":"2"}})"), "cpu");
  EXPECT_TRUE(limit.complete);
  EXPECT_EQ(limit.value, 2000);
}

TEST(PodFactsTest, NamesThingsAsUpstreamDoes) {
  const Pod pod = WithResources("{}");
  EXPECT_EQ(FormatPod(pod), "p_ns(u)");
  EXPECT_EQ(LogDirectoryName(pod), "ns_p_u");
  EXPECT_EQ(FieldPath(pod, "a"), "spec.containers{a}");
  EXPECT_EQ(FieldPath(pod, "i"), "spec.initContainers{i}");
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
