#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

namespace wherry::nodeagent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

// What a pod waits for must not outlast the pod, nor its end wait for it.
class InterruptionTest : public NodeFixture {
 protected:
  // A pod whose image takes ten minutes.
  void StartSlowPull() {
    images_ = std::make_unique<runtime::fake::FakeImageService>(sim_.world(), minutes(10));
    StartAgent();
    CreatePod("big", {{"containers", {Container({"server"}, {{"image", "example/big:1"}})}}});
    sim_.Advance(seconds(1));
    ASSERT_THAT(EventReasons("big"), Contains("Pulling"));
    ASSERT_EQ(machine_->pods(), 1U);
  }
  // A container that its liveness probe condemns and that takes ten minutes to end.
  void StartSlowKill() {
    tcp_.open = false;
    StartAgent();
    Json probe = {{"tcpSocket", {{"port", 80}}},
                  {"periodSeconds", 1},
                  {"failureThreshold", 1},
                  {"terminationGracePeriodSeconds", 600}};
    CreatePod("stubborn", {{"terminationGracePeriodSeconds", 2},
                           {"containers",
                            {Container({"/bin/sh", "-c", "ignore-term; serve"},
                                       {{"livenessProbe", std::move(probe)}})}}});
    sim_.Advance(seconds(5));
    ASSERT_THAT(EventReasons("stubborn"), Contains("Killing"));
    ASSERT_EQ(machine_->Running().size(), 1U);
  }
};

TEST_F(InterruptionTest, ADeletedPodDoesNotWaitForItsImage) {
  StartSlowPull();
  Ask("DELETE", "/api/v1/namespaces/default/pods/big");
  EXPECT_TRUE(UntilGone("big", seconds(2)));
  sim_.Advance(seconds(1));
  EXPECT_EQ(machine_->pods(), 0U);
}

TEST_F(InterruptionTest, AForceDeletedPodDoesNotWaitForItsImage) {
  StartSlowPull();
  Ask("DELETE", "/api/v1/namespaces/default/pods/big?gracePeriodSeconds=0");
  sim_.Advance(seconds(2));
  EXPECT_EQ(machine_->pods(), 0U);
}

TEST_F(InterruptionTest, APodThatSomebodyFailsDoesNotWaitForItsImage) {
  StartSlowPull();
  Ask("PATCH", "/api/v1/namespaces/default/pods/big/status", {{"status", {{"phase", "Failed"}}}},
      "application/merge-patch+json");
  sim_.Advance(seconds(2));
  EXPECT_THAT(runtime_->calls(), Contains(::testing::Field(&runtime::fake::FakeRuntime::Call::what,
                                                           "StopPodSandbox")));
}

TEST_F(InterruptionTest, APullGoesOnWhenOnlyThePodsLabelsChange) {
  StartSlowPull();
  Ask("PATCH", "/api/v1/namespaces/default/pods/big", {{"metadata", {{"labels", {{"a", "b"}}}}}},
      "application/merge-patch+json");
  EXPECT_TRUE(UntilPhase("big", "Running", minutes(11)));
  EXPECT_EQ(images_->pulls(), 1);
}

TEST_F(InterruptionTest, ADeletionsGracePeriodCutsTheOneOfALivenessKill) {
  StartSlowKill();
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn");
  EXPECT_TRUE(UntilGone("stubborn", seconds(4)));
}

TEST_F(InterruptionTest, AForcedDeletionCutsALivenessKill) {
  StartSlowKill();
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn?gracePeriodSeconds=0");
  sim_.Advance(seconds(4));
  EXPECT_EQ(machine_->pods(), 0U);
}

// As upstream's syncPod: what has no volumes yet takes no address either.
TEST_F(InterruptionTest, APodHasNoSandboxBeforeItsVolumes) {
  StartAgent();
  Json path = {{"path", directory_.path() + "/not-there"}, {"type", "Directory"}};
  CreatePod("waiting", {{"containers", {Container({"server"})}},
                        {"volumes", {{{"name", "v"}, {"hostPath", std::move(path)}}}}});
  sim_.Advance(seconds(5));
  EXPECT_THAT(EventReasons("waiting"), Contains("FailedMount"));
  const Json status = Pod("waiting")["status"];
  EXPECT_EQ(status["phase"], "Pending");
  EXPECT_FALSE(status.contains("podIP")) << status.dump(1);
  EXPECT_EQ(machine_->pods(), 0U);
}

}  // namespace
}  // namespace wherry::nodeagent
