// PodDisruptionBudgets: what evictions may do to a deployment.

#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace core = api::core::v1;
namespace policy = api::policy::v1;

class DisruptionTest : public ClusterTest {
 protected:
  int Allowed() {
    const auto budget = Get<policy::PodDisruptionBudget>("default", "web");
    return budget ? budget->status().disruptionsallowed() : -1;
  }
  Status Evict(const std::string& pod) {
    auto eviction = std::make_shared<policy::Eviction>();
    eviction->mutable_metadata()->set_name(pod);
    eviction->mutable_metadata()->set_namespace_("default");
    return Await(user().CreateSubresource(api::KindOf<core::Pod>(), "default", pod, "eviction",
                                          std::move(eviction)));
  }
};

// What `kubectl drain` relies on: one pod at a time, the next when there is another in its place.
TEST_F(DisruptionTest, EvictionsWaitForReplacements) {
  Deploy(3);
  Create<policy::PodDisruptionBudget>("default", R"({"metadata":{"name":"web"},"spec":{
      "maxUnavailable":1,"selector":{"matchLabels":{"app":"web"}}}})");
  ASSERT_TRUE(Eventually([&] { return Allowed() == 1; }));
  const auto pods = List<core::Pod>("default", "app=web");
  ASSERT_EQ(pods.size(), 3U);
  ASSERT_TRUE(Evict(pods[0]->metadata().name()).ok());
  const Status second = Evict(pods[1]->metadata().name());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, Reason::kTooManyRequests);
  EXPECT_TRUE(Eventually([&] { return Complete(3) && Allowed() == 1; }));
  EXPECT_TRUE(Evict(pods[1]->metadata().name()).ok());
}

// Pods that nobody owns have no number that a share could be of: nothing is allowed.
TEST_F(DisruptionTest, SharesNeedOwners) {
  Create<core::Pod>("default", R"({"metadata":{"name":"alone","labels":{"app":"x"}},
      "spec":{"containers":[{"name":"c","image":"i:1"}]}})");
  Create<policy::PodDisruptionBudget>("default", R"({"metadata":{"name":"web"},"spec":{
      "minAvailable":"50%","selector":{"matchLabels":{"app":"x"}}}})");
  ASSERT_TRUE(Eventually([&] {
    const auto budget = Get<policy::PodDisruptionBudget>("default", "web");
    return budget && budget->status().observedgeneration() == 1;
  }));
  EXPECT_EQ(Allowed(), 0);
}

}  // namespace
}  // namespace wherry::sim
