#include "controllers/deployment/sizing.h"

#include "proto/api/apps/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::deployment {
namespace {

using wherry::testing::Parse;

std::shared_ptr<appsv1::Deployment> Rolling(int replicas, const std::string& surge,
                                            const std::string& unavailable) {
  return Parse<appsv1::Deployment>(
      R"({"spec":{"replicas":)" + std::to_string(replicas) +
      R"(,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":)" + surge +
      R"(,"maxUnavailable":)" + unavailable + "}}}}");
}

// Percentages round up for surge and down for unavailable; both zero lets one be unavailable.
TEST(Fenceposts, RoundAsDocumented) {
  struct Case {
    int replicas;
    std::string surge, unavailable;
    int want_surge, want_unavailable;
  };
  const std::vector<Case> cases = {
      {10, "\"25%\"", "\"25%\"", 3, 2},
      {1, "\"25%\"", "\"25%\"", 1, 0},
      {2, "0", "\"1%\"", 0, 1},
      {1, "0", "\"1%\"", 0, 1},
      {2, "\"1%\"", "\"25%\"", 1, 0},
      {2, "\"1%\"", "0", 1, 0},
      {10, "3", "2", 3, 2},
      {3, "0", "5", 0, 3},
      {0, "\"25%\"", "\"25%\"", 0, 0},
  };
  for (const auto& c : cases) {
    const auto posts = ResolveFenceposts(*Rolling(c.replicas, c.surge, c.unavailable));
    EXPECT_EQ(posts.surge, c.want_surge) << c.replicas << " " << c.surge << " " << c.unavailable;
    EXPECT_EQ(posts.unavailable, c.want_unavailable)
        << c.replicas << " " << c.surge << " " << c.unavailable;
  }
}

TEST(Fenceposts, AreZeroForRecreate) {
  const auto recreate =
      Parse<appsv1::Deployment>(R"({"spec":{"replicas":5,"strategy":{"type":"Recreate"}}})");
  EXPECT_EQ(ResolveFenceposts(*recreate).surge, 0);
  EXPECT_EQ(ResolveFenceposts(*recreate).unavailable, 0);
  EXPECT_EQ(MaxTotalReplicas(*recreate), 5);
}

TEST(NewReplicaSetSize, FillsTheRoomThatSurgeLeaves) {
  const auto deployment = Rolling(10, "3", "2");
  EXPECT_EQ(NewReplicaSetSize(*deployment, 10, 0), 3);
  EXPECT_EQ(NewReplicaSetSize(*deployment, 13, 3), 3);
  EXPECT_EQ(NewReplicaSetSize(*deployment, 8, 5), 10);
  EXPECT_EQ(NewReplicaSetSize(*deployment, 20, 4), 4);
}

// The example of the Kubernetes docs: 10 replicas, surge 3, 8 old and 5 new, scaled to 15.
TEST(Proportion, FollowsTheDocumentedExample) {
  auto deployment = Rolling(15, "3", "2");
  const auto set = [](int replicas) {
    return Parse<appsv1::ReplicaSet>(
        R"({"metadata":{"annotations":{"deployment.kubernetes.io/max-replicas":"13"}},)"
        R"("spec":{"replicas":)" +
        std::to_string(replicas) + "}}");
  };
  EXPECT_EQ(Proportion(*deployment, *set(8), 5, 0), 3);
  EXPECT_EQ(Proportion(*deployment, *set(5), 5, 3), 2);
  EXPECT_EQ(Proportion(*deployment, *set(5), 5, 5), 0);
  EXPECT_EQ(Proportion(*deployment, *set(0), 5, 0), 0);
}

TEST(Proportion, TakesEverythingWhenScalingToZero) {
  const auto deployment = Rolling(0, "1", "1");
  const auto set = Parse<appsv1::ReplicaSet>(R"({"spec":{"replicas":4}})");
  EXPECT_EQ(Proportion(*deployment, *set, -7, 0), -4);
  EXPECT_EQ(Proportion(*deployment, *set, -7, -5), -2);
}

TEST(Proportion, WithoutAnAnnotationUsesTheStatus) {
  auto deployment = Rolling(20, "0", "1");
  deployment->mutable_status()->set_replicas(10);
  const auto set = Parse<appsv1::ReplicaSet>(R"({"spec":{"replicas":4}})");
  EXPECT_EQ(Proportion(*deployment, *set, 10, 0), 4);
  deployment->mutable_status()->set_replicas(0);
  EXPECT_EQ(Proportion(*deployment, *set, 10, 0), 0);
}

}  // namespace
}  // namespace wherry::controllers::deployment
