#include "controllers/namespaces/reconcile.h"

#include "controllers/objects/conditions.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::namespaces {
namespace {

using wherry::testing::Parse;

const WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

TEST(WithConditions, TellsWhatRemains) {
  const auto ns = Parse<corev1::Namespace>(R"({"metadata":{"name":"n"}})");
  Remaining remaining;
  const auto pod = Parse<corev1::Pod>(
      R"({"metadata":{"finalizers":["x/y"]},"spec":{"terminationGracePeriodSeconds":45}})");
  const auto done = Parse<corev1::Pod>(
      R"({"spec":{"terminationGracePeriodSeconds":99},"status":{"phase":"Succeeded"}})");
  CountRemaining("pods.", *pod, remaining);
  CountRemaining("pods.", *done, remaining);
  EXPECT_EQ(remaining.grace, std::chrono::seconds(45));
  EXPECT_FALSE(remaining.Nothing());

  const auto told = WithConditions(*ns, remaining, kNow);
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->status().phase(), "Terminating");
  EXPECT_EQ(told->status().conditions_size(), 5);
  const auto* content = FindCondition(&told->status().conditions(), "NamespaceContentRemaining");
  EXPECT_EQ(content->status(), "True");
  EXPECT_EQ(content->reason(), "SomeResourcesRemain");
  EXPECT_EQ(content->message(), "Some resources are remaining: pods. has 2 resource instances");
  EXPECT_EQ(FindCondition(&told->status().conditions(), "NamespaceFinalizersRemaining")->message(),
            "Some content in the namespace has finalizers remaining: x/y in 1 resource instances");
  EXPECT_EQ(WithConditions(*told, remaining, kNow + std::chrono::seconds(5)), nullptr);

  const auto empty = WithConditions(*told, {}, kNow + std::chrono::seconds(5));
  ASSERT_NE(empty, nullptr);
  const auto* gone = FindCondition(&empty->status().conditions(), "NamespaceContentRemaining");
  EXPECT_EQ(gone->status(), "False");
  EXPECT_EQ(gone->reason(), "ContentRemoved");
  EXPECT_EQ(gone->lasttransitiontime().seconds(), 1'700'000'005);
}

TEST(WithConditions, TellsWhyContentCannotBeDeleted) {
  const auto ns = Parse<corev1::Namespace>(R"({"metadata":{"name":"n"}})");
  Remaining remaining;
  remaining.errors = {"b failed", "a failed"};
  EXPECT_FALSE(remaining.Nothing());
  const auto told = WithConditions(*ns, remaining, kNow);
  EXPECT_EQ(
      FindCondition(&told->status().conditions(), "NamespaceDeletionContentFailure")->message(),
      "Failed to delete all resource types, 2 remaining: a failed, b failed");
}

TEST(Finalized, RemovesOnlyOurFinalizer) {
  const auto ns = Parse<corev1::Namespace>(R"({"spec":{"finalizers":["x/y","kubernetes"]}})");
  const auto done = Finalized(*ns);
  ASSERT_NE(done, nullptr);
  ASSERT_EQ(done->spec().finalizers_size(), 1);
  EXPECT_EQ(done->spec().finalizers(0), "x/y");
  EXPECT_EQ(Finalized(*done), nullptr);
}

}  // namespace
}  // namespace wherry::controllers::namespaces
