#include "controllers/objects/claim.h"
#include "controllers/objects/conditions.h"
#include "controllers/objects/expectations.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/served_kinds.h"
#include "controllers/objects/service_pods.h"
#include "lib/api/kind_registry.h"
#include "lib/json/json.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wherry::controllers {
namespace {

using namespace std::chrono_literals;
using wherry::testing::Parse;

TEST(Claim, FollowsOwnerSelectorAndDeletion) {
  const std::string owner = R"("ownerReferences":[{"uid":"u1","controller":true}])";
  const std::string stranger = R"("ownerReferences":[{"uid":"u2","controller":true}])";
  const std::string in = R"("namespace":"n","labels":{"app":"web"})";
  const std::string out = R"("namespace":"n","labels":{"app":"x"})";
  const std::string dying = R"("deletionTimestamp":"2026-01-01T00:00:00Z")";
  struct Case {
    const char* name;
    std::string pod;
    bool controller_dying;
    Claim want;
  };
  const std::vector<Case> cases = {
      {"ours", in + "," + owner, false, Claim::kKeep},
      {"ours, selector moved on", out + "," + owner, false, Claim::kRelease},
      {"the same, but we go away", out + "," + owner, true, Claim::kIgnore},
      {"another's", in + "," + stranger, false, Claim::kIgnore},
      {"matching orphan", in, false, Claim::kAdopt},
      {"matching orphan, but we go away", in, true, Claim::kIgnore},
      {"dying orphan", in + "," + dying, false, Claim::kIgnore},
      {"orphan that does not match", out, false, Claim::kIgnore},
      {"other namespace", R"("namespace":"m","labels":{"app":"web"})", false, Claim::kIgnore},
  };
  const auto selector = api::Selector::FromMap({{"app", "web"}});
  for (const auto& c : cases) {
    auto set = Parse<appsv1::ReplicaSet>(R"({"metadata":{"namespace":"n","name":"a","uid":"u1"}})");
    if (c.controller_dying) set->mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
    const auto pod = Parse<corev1::Pod>(R"({"metadata":{)" + c.pod + "}}");
    EXPECT_EQ(DecideClaim(set->metadata(), selector, *pod), c.want) << c.name;
  }
}

TEST(Claim, PatchesNameTheObjectAndTheController) {
  const auto set =
      Parse<appsv1::ReplicaSet>(R"({"metadata":{"namespace":"n","name":"a","uid":"u1"}})");
  const auto pod = Parse<corev1::Pod>(R"({"metadata":{"uid":"p1"}})");
  EXPECT_EQ(AdoptPatch(*set, pod->metadata()),
            R"({"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","blockOwnerDeletion":true,)"
            R"("controller":true,"kind":"ReplicaSet","name":"a","uid":"u1"}],"uid":"p1"}})");
  EXPECT_EQ(ReleasePatch(set->metadata(), pod->metadata()),
            R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u1"}],"uid":"p1"}})");
}

TEST(Conditions, KeepTheTransitionTimeWhileTheStatusStays) {
  appsv1::DeploymentStatus status;
  const auto set = [&](const char* value, const char* reason, int64_t at) {
    appsv1::DeploymentCondition condition;
    condition.set_type("Available");
    condition.set_status(value);
    condition.set_reason(reason);
    condition.mutable_lasttransitiontime()->set_seconds(at);
    SetCondition(status.mutable_conditions(), std::move(condition));
  };
  set("True", "a", 1);
  set("True", "a", 2);
  EXPECT_EQ(status.conditions(0).lasttransitiontime().seconds(), 1);
  set("True", "b", 3);
  EXPECT_EQ(status.conditions(0).reason(), "b");
  EXPECT_EQ(status.conditions(0).lasttransitiontime().seconds(), 1);
  set("False", "b", 4);
  EXPECT_EQ(status.conditions(0).lasttransitiontime().seconds(), 4);
  EXPECT_EQ(status.conditions_size(), 1);
  RemoveCondition(status.mutable_conditions(), "Available");
  EXPECT_EQ(FindCondition(&status.conditions(), "Available"), nullptr);
}

TEST(Expectations, HoldUntilSeenOrTimedOut) {
  Expectations expectations;
  const MonotonicTime start{};
  EXPECT_TRUE(expectations.Satisfied("ns/a", start));
  expectations.ExpectCreation("ns/a", "p1", start);
  expectations.ExpectDeletion("ns/a", "u9", start);
  EXPECT_TRUE(expectations.IsDeleted("ns/a", "u9"));
  EXPECT_FALSE(expectations.IsDeleted("ns/a", "p1"));
  expectations.CreationObserved("ns/a", "p2");
  EXPECT_FALSE(expectations.Satisfied("ns/a", start)) << "another pod does not count";
  expectations.CreationObserved("ns/a", "p1");
  EXPECT_FALSE(expectations.Satisfied("ns/a", start));
  EXPECT_TRUE(expectations.Satisfied("ns/b", start));
  EXPECT_TRUE(expectations.Satisfied("ns/a", start + Expectations::kTimeout));
  expectations.DeletionObserved("ns/a", "u9");
  EXPECT_TRUE(expectations.Satisfied("ns/a", start));
}

TEST(PodState, AvailabilityCountsFromReadiness) {
  const WallTime now(std::chrono::seconds(1000));
  auto pod = Parse<corev1::Pod>(
      R"({"status":{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"1970-01-01T00:16:30Z"}]}})");
  EXPECT_TRUE(IsPodReady(*pod));
  EXPECT_TRUE(IsPodAvailable(*pod, 0, now));
  EXPECT_TRUE(IsPodAvailable(*pod, 10, now));
  EXPECT_FALSE(IsPodAvailable(*pod, 11, now));
  EXPECT_EQ(PodAvailableAt(*pod, 11, now), now + 1s);
  EXPECT_FALSE(PodAvailableAt(*pod, 10, now));
  pod->mutable_status()->mutable_conditions(0)->set_status("False");
  EXPECT_FALSE(IsPodAvailable(*pod, 0, now));
  EXPECT_FALSE(PodAvailableAt(*pod, 11, now));
}

TEST(ServicePods, TargetPortsAreNumbersOrNames) {
  const auto pod = Parse<corev1::Pod>(
      R"({"spec":{"containers":[{"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"},
          {"name":"dns","containerPort":53,"protocol":"UDP"}]}]}})");
  const auto port = [&](const std::string& json) {
    return FindPort(*pod, *Parse<corev1::ServicePort>(json));
  };
  EXPECT_EQ(port(R"({"port":80,"protocol":"TCP","targetPort":"http"})"), 8080);
  EXPECT_EQ(port(R"({"port":80,"protocol":"TCP","targetPort":9000})"), 9000);
  EXPECT_EQ(port(R"({"port":80,"protocol":"TCP"})"), 80);
  EXPECT_EQ(port(R"({"port":80,"protocol":"TCP","targetPort":"dns"})"), std::nullopt);
  EXPECT_EQ(port(R"({"port":80,"protocol":"TCP","targetPort":"none"})"), std::nullopt);
}

TEST(ServedKinds, AreThoseKnownWithTheVerbsNeeded) {
  const auto kinds = ParseResourceList(
      R"({"kind":"APIResourceList","groupVersion":"v1","resources":[
        {"name":"pods","verbs":["delete","list","watch","get"]},
        {"name":"pods/status","verbs":["get","patch"]},
        {"name":"bindings","verbs":["create"]},
        {"name":"gadgets","verbs":["delete","list","watch"]}]})");
  ASSERT_TRUE(kinds.ok());
  ASSERT_EQ(kinds->size(), 1u);
  EXPECT_EQ((*kinds)[0]->kind, "Pod");
  EXPECT_TRUE(ParseResourceList("[]").ok());
  EXPECT_FALSE(ParseResourceList("{").ok());
}

}  // namespace
}  // namespace wherry::controllers
