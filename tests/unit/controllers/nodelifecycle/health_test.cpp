#include "controllers/nodelifecycle/health.h"

#include "controllers/objects/conditions.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::controllers::nodelifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using wherry::testing::Parse;
using namespace std::chrono_literals;

const WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

std::shared_ptr<corev1::Node> Node(const std::string& ready, const std::string& taints = "") {
  return Parse<corev1::Node>(R"({"spec":{"taints":[)" + taints +
                             R"(]},"status":{"conditions":[{"type":"Ready","status":")" + ready +
                             R"("}]}})");
}

std::vector<std::string> Keys(const std::vector<corev1::Taint>& taints) {
  std::vector<std::string> keys;
  for (const auto& taint : taints) keys.push_back(taint.key() + ":" + taint.effect());
  return keys;
}

constexpr char kNotReadyTaint[] = "node.kubernetes.io/not-ready:NoSchedule";
constexpr char kUnreachableTaint[] = "node.kubernetes.io/unreachable:NoSchedule";
constexpr char kNotReadyEvict[] = "node.kubernetes.io/not-ready:NoExecute";
constexpr char kUnreachableEvict[] = "node.kubernetes.io/unreachable:NoExecute";

TEST(WithUnknownConditions, TurnsEveryHeartbeatCondition) {
  const auto node = Parse<corev1::Node>(
      R"({"status":{"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"},
                                  {"type":"NetworkUnavailable","status":"False"}]}})");
  const auto unknown = WithUnknownConditions(*node, kNow);
  ASSERT_NE(unknown, nullptr);
  EXPECT_EQ(ReadyStatus(*unknown), "Unknown");
  const auto& conditions = unknown->status().conditions();
  EXPECT_EQ(FindCondition(&conditions, "Ready")->reason(), "NodeStatusUnknown");
  EXPECT_EQ(FindCondition(&conditions, "Ready")->message(), "Kubelet stopped posting node status.");
  EXPECT_EQ(FindCondition(&conditions, "DiskPressure")->reason(), "NodeStatusNeverUpdated");
  EXPECT_EQ(FindCondition(&conditions, "NetworkUnavailable")->status(), "False");
  EXPECT_EQ(WithUnknownConditions(*unknown, kNow), nullptr);
}

TEST(DesiredTaints, FollowConditions) {
  EXPECT_THAT(DesiredTaints(*Node("True"), {}, kNow), IsEmpty());
  EXPECT_THAT(Keys(DesiredTaints(*Node("False"), {}, kNow)), ElementsAre(kNotReadyTaint));
  EXPECT_THAT(Keys(DesiredTaints(*Node("Unknown"), {.evict = true}, kNow)),
              ElementsAre(kUnreachableTaint, kUnreachableEvict));
  auto pressed = Parse<corev1::Node>(
      R"({"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"},
          {"type":"MemoryPressure","status":"True"},{"type":"PIDPressure","status":"False"}]}})");
  EXPECT_THAT(Keys(DesiredTaints(*pressed, {}, kNow)),
              UnorderedElementsAre("node.kubernetes.io/memory-pressure:NoSchedule",
                                   "node.kubernetes.io/unschedulable:NoSchedule"));
}

TEST(DesiredTaints, KeepForeignOnesAndClearOurs) {
  const std::string present =
      R"({"key":"dedicated","value":"gpu","effect":"NoExecute"},
         {"key":"node.kubernetes.io/unreachable","effect":"NoSchedule"},
         {"key":"node.kubernetes.io/unreachable","effect":"NoExecute"})";
  EXPECT_THAT(Keys(DesiredTaints(*Node("True", present), {}, kNow)),
              ElementsAre("dedicated:NoExecute"));
  const auto node = Node("Unknown", present);
  const auto kept = DesiredTaints(*node, {}, kNow);
  EXPECT_EQ(kept.size(), 3u) << "an eviction under way goes on";
  EXPECT_TRUE(SameTaints(*node, kept));
  EXPECT_THAT(Keys(DesiredTaints(*node, {.reprieve = true}, kNow)),
              UnorderedElementsAre("dedicated:NoExecute", kUnreachableTaint));
  EXPECT_THAT(Keys(DesiredTaints(*Node("False", present), {}, kNow)),
              UnorderedElementsAre("dedicated:NoExecute", kNotReadyTaint, kNotReadyEvict));
}

TEST(IsBeingEvicted, ForeignTaintsAreNoEviction) {
  EXPECT_FALSE(IsBeingEvicted(*Node("Unknown", R"({"key":"dedicated","effect":"NoExecute"})")));
  EXPECT_TRUE(IsBeingEvicted(
      *Node("Unknown", R"({"key":"node.kubernetes.io/not-ready","effect":"NoExecute"})")));
}

TEST(ToleratedFor, TakesTheShortestTime) {
  const std::string unreachable =
      R"({"key":"node.kubernetes.io/unreachable","effect":"NoExecute"})";
  const std::string dedicated = R"({"key":"dedicated","value":"gpu","effect":"NoExecute"})";
  struct Case {
    std::string tolerations, taints;
    std::optional<std::chrono::seconds> want;
  };
  const std::vector<Case> cases = {
      {"", "", std::nullopt},
      {"", R"({"key":"a","effect":"NoSchedule"})", std::nullopt},
      {"", unreachable, 0s},
      {"", dedicated, 0s},
      {R"({"operator":"Exists"})", dedicated + "," + unreachable, std::nullopt},
      {R"({"key":"dedicated","value":"gpu"})", dedicated, std::nullopt},
      {R"({"key":"dedicated","value":"cpu"})", dedicated, 0s},
      {R"({"key":"dedicated","operator":"Exists","effect":"NoSchedule"})", dedicated, 0s},
      {R"({"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":20})",
       unreachable, 20s},
      {R"({"key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":-3})",
       unreachable, 0s},
      {R"({"key":"dedicated","operator":"Exists","tolerationSeconds":30})", dedicated, 30s},
      {R"({"key":"dedicated","operator":"Exists","tolerationSeconds":30})",
       dedicated + "," + unreachable, 0s},
      {R"({"key":"dedicated","operator":"Exists","tolerationSeconds":30},
          {"key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":300})",
       dedicated + "," + unreachable, 30s},
  };
  for (const auto& c : cases) {
    const auto pod = Parse<corev1::Pod>(R"({"spec":{"tolerations":[)" + c.tolerations + "]}}");
    EXPECT_EQ(ToleratedFor(*pod, *Node("True", c.taints)), c.want)
        << c.tolerations << " / " << c.taints;
  }
}

}  // namespace
}  // namespace wherry::controllers::nodelifecycle
