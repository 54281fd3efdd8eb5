#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

namespace wherry::nodeagent {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What a pod keeps when its sandbox dies and is made anew.
class SandboxChangedTest : public NodeFixture {
 protected:
  ::testing::AssertionResult UntilRestarted(const std::string& pod, int count,
                                            size_t container = 0) {
    return Until(
        pod,
        [=](Json now) {
          const Json status = now["status"]["containerStatuses"][container];
          return status["restartCount"] == count && status["state"].contains("running");
        },
        seconds(15));
  }
  std::vector<std::string> Started() {
    std::vector<std::string> names;
    for (const auto& call : runtime_->calls())
      if (call.what == "StartContainer") names.push_back(call.container);
    return names;
  }
};

TEST_F(SandboxChangedTest, RestartsAreBackedOff) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  machine_->KillSandbox(Uid("web"));
  ASSERT_TRUE(UntilRestarted("web", 1));
  machine_->KillSandbox(Uid("web"));
  sim_.Advance(seconds(8));
  EXPECT_EQ(ContainerStatus("web")["restartCount"], 1);
  EXPECT_EQ(ContainerStatus("web")["state"]["waiting"]["reason"], "CrashLoopBackOff");
  EXPECT_TRUE(UntilRestarted("web", 2));
}

TEST_F(SandboxChangedTest, TheLogOfTheContainerBeforeIsStillFound) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  machine_->KillSandbox(Uid("web"));
  ASSERT_TRUE(UntilRestarted("web", 1));
  const Answer previous = AskAgent("/containerLogs/default/web/c?previous=true");
  EXPECT_THAT(previous.text, Not(HasSubstr("previous terminated container")));
  EXPECT_TRUE(ContainerStatus("web")["lastState"].contains("terminated"));
}

TEST_F(SandboxChangedTest, InitContainersRunAgainBeforeTheOthers) {
  StartAgent();
  CreatePod("staged", {{"initContainers",
                        {Container({"exit", "0"}, {{"name", "first"}}),
                         Container({"exit", "0"}, {{"name", "second"}})}},
                       {"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("staged", "Running"));
  machine_->KillSandbox(Uid("staged"));
  ASSERT_TRUE(UntilRestarted("staged", 1));
  EXPECT_THAT(Started(), ElementsAre("first", "second", "c", "first", "second", "c"));
}

TEST_F(SandboxChangedTest, AContainerThatHasSucceededDoesNotRunAgain) {
  StartAgent();
  CreatePod("job", {{"restartPolicy", "OnFailure"},
                    {"containers",
                     {Container({"server"}), Container({"exit", "0"}, {{"name", "done"}})}}});
  ASSERT_TRUE(UntilPhase("job", "Running"));
  sim_.Advance(seconds(1));
  machine_->KillSandbox(Uid("job"));
  ASSERT_TRUE(UntilRestarted("job", 1));
  sim_.Advance(seconds(1));
  EXPECT_THAT(Started(), ElementsAre("c", "done", "c"));
}

}  // namespace
}  // namespace wherry::nodeagent
