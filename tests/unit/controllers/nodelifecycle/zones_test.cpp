#include "controllers/nodelifecycle/zones.h"

#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::nodelifecycle {
namespace {

using wherry::testing::Parse;
using namespace std::chrono_literals;

NodePtr Node(const std::string& zone, const std::string& ready, const std::string& label = "x") {
  return Parse<corev1::Node>(R"({"metadata":{"labels":{"topology.kubernetes.io/zone":")" + zone +
                             R"(",")" + label + R"(":""}},
      "status":{"conditions":[{"type":"Ready","status":")" +
                             ready + R"("}]}})");
}

TEST(EvictionInterval, SlowsDownWhereMostOfAZoneHasFailed) {
  EXPECT_EQ(EvictionInterval({.ready = 1, .not_ready = 0}), 10s);
  EXPECT_EQ(EvictionInterval({.ready = 1, .not_ready = 1}), 10s);
  EXPECT_EQ(EvictionInterval({.ready = 1, .not_ready = 2}), 10s) << "two are not many";
  EXPECT_EQ(EvictionInterval({.ready = 5, .not_ready = 5}), 10s);
  EXPECT_EQ(EvictionInterval({.ready = 2, .not_ready = 3}), std::nullopt) << "60 % of a small zone";
  EXPECT_EQ(EvictionInterval({.ready = 20, .not_ready = 30}), std::nullopt) << "still a small one";
  EXPECT_EQ(EvictionInterval({.ready = 40, .not_ready = 60}), 100s) << "60 % of a large zone";
  EXPECT_EQ(EvictionInterval({.ready = 0, .not_ready = 30}), 10s) << "a zone that is gone";
}

TEST(EveryZoneIsLost, NeedsOneReadyNodeAnywhereToSayNo) {
  EXPECT_TRUE(EveryZoneIsLost(CountZones({Node("a", "Unknown")}))) << "the only node";
  EXPECT_TRUE(EveryZoneIsLost(CountZones({Node("a", "Unknown"), Node("b", "False")})));
  EXPECT_FALSE(EveryZoneIsLost(CountZones({Node("a", "Unknown"), Node("b", "True")})));
  EXPECT_TRUE(EveryZoneIsLost(CountZones(
      {Node("a", "Unknown"), Node("b", "True", "node.kubernetes.io/exclude-disruption")})))
      << "an excluded node proves nothing";
}

TEST(CountZones, CountsByRegionAndZone) {
  auto zones = CountZones({Node("a", "True"), Node("a", "Unknown"), Node("b", "False")});
  EXPECT_EQ(zones.size(), 2u);
  EXPECT_EQ(zones[":a"].ready, 1);
  EXPECT_EQ(zones[":a"].not_ready, 1);
  EXPECT_EQ(zones[":b"].not_ready, 1);
}

}  // namespace
}  // namespace wherry::controllers::nodelifecycle
