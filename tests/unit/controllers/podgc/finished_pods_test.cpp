#include "controllers/podgc/finished_pods.h"

#include "proto/api/core/v1.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::controllers::podgc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

corev1::Pod Pod(const std::string& name, int64_t created, const std::string& phase = "Succeeded",
                const std::string& reason = "") {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("n");
  pod.mutable_metadata()->mutable_creationtimestamp()->set_seconds(created);
  pod.mutable_status()->set_phase(phase);
  pod.mutable_status()->set_reason(reason);
  return pod;
}

TEST(FinishedPods, TheOldestGoFirstInWhateverOrderTheyCome) {
  FinishedPods finished(2);
  EXPECT_THAT(finished.Update(Pod("c", 3)), IsEmpty());
  EXPECT_THAT(finished.Update(Pod("running", 1, "Running")), IsEmpty());
  EXPECT_THAT(finished.Update(Pod("d", 4)), IsEmpty());
  EXPECT_THAT(finished.Update(Pod("a", 1)), ElementsAre("n/a"));
  EXPECT_THAT(finished.Update(Pod("e", 5)), ElementsAre("n/c"));
  EXPECT_TRUE(finished.IsSurplus("n/a"));
  EXPECT_THAT(finished.Update(Pod("a", 1)), IsEmpty()) << "told once";
  EXPECT_FALSE(finished.IsSurplus("n/d"));
}

TEST(FinishedPods, EvictedOnesGoBeforeOlderOnes) {
  FinishedPods finished(2);
  finished.Update(Pod("old", 1));
  finished.Update(Pod("evicted", 9, "Failed", "Evicted"));
  EXPECT_THAT(finished.Update(Pod("new", 10)), ElementsAre("n/evicted"));
}

TEST(FinishedPods, AreForgottenWhenGone) {
  FinishedPods finished(1);
  finished.Update(Pod("a", 1));
  finished.Remove(Pod("a", 1));
  EXPECT_THAT(finished.Update(Pod("b", 2)), IsEmpty()) << "there is room again";
  EXPECT_THAT(finished.Update(Pod("c", 3)), ElementsAre("n/b"));
  finished.Remove(Pod("b", 2));
  EXPECT_FALSE(finished.IsSurplus("n/b"));
  EXPECT_THAT(finished.Update(Pod("c", 3, "Running")), IsEmpty()) << "a namesake that runs";
  EXPECT_THAT(finished.Update(Pod("d", 4)), IsEmpty());
}

TEST(FinishedPods, ZeroKeepsAll) {
  FinishedPods finished(0);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(finished.Update(Pod(std::to_string(i), i)), IsEmpty());
}

}  // namespace
}  // namespace wherry::controllers::podgc
