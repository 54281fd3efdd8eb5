#include "nodeagent/lifecycle/pod_actions.h"

#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

using runtime::ContainerState;

Pod TwoContainers(const std::string& policy, bool init = false) {
  return PodFrom(R"({"metadata":{"name":"p","uid":"u"},"spec":{"restartPolicy":")" + policy +
                 R"(",)" + (init ? R"("initContainers":[{"name":"i1"},{"name":"i2"}],)" : "") +
                 R"("containers":[{"name":"a","image":"x:1"},{"name":"b","image":"x:1"}]}})");
}

runtime::ContainerStatus Container(const std::string& name, ContainerState state, int exit_code = 0,
                                   int attempt = 0) {
  runtime::ContainerStatus status;
  status.name = name;
  status.attempt = attempt;
  status.id = name + std::to_string(attempt);
  status.state = state;
  status.exit_code = exit_code;
  return status;
}

runtime::SandboxStatus Ready(std::vector<runtime::ContainerStatus> containers) {
  runtime::SandboxStatus sandbox;
  sandbox.state = runtime::SandboxState::kReady;
  sandbox.containers = std::move(containers);
  return sandbox;
}

TEST(PodActionsTest, StartsWithASandboxAndTheFirstInitContainer) {
  PodActions actions = ComputePodActions(TwoContainers("Always"), nullptr, {}, {});
  EXPECT_TRUE(actions.create_sandbox);
  EXPECT_EQ(actions.containers, (std::vector<std::string>{"a", "b"}));
  actions = ComputePodActions(TwoContainers("Always", true), nullptr, {}, {});
  EXPECT_EQ(actions.init_container, "i1");
  EXPECT_TRUE(actions.containers.empty());
}

TEST(PodActionsTest, InitContainersRunOneAfterAnother) {
  const Pod pod = TwoContainers("Always", true);
  auto next = [&](std::vector<runtime::ContainerStatus> containers) {
    const auto sandbox = Ready(std::move(containers));
    return ComputePodActions(pod, &sandbox, {}, {});
  };
  PodActions actions = next({Container("i1", ContainerState::kRunning)});
  EXPECT_FALSE(actions.init_container);
  EXPECT_TRUE(actions.containers.empty());
  EXPECT_EQ(next({Container("i1", ContainerState::kExited)}).init_container, "i2");
  EXPECT_EQ(next({Container("i1", ContainerState::kExited, 1)}).init_container, "i1");
  actions =
      next({Container("i1", ContainerState::kExited), Container("i2", ContainerState::kExited)});
  EXPECT_EQ(actions.containers.size(), 2U);
}

TEST(PodActionsTest, RestartPolicyDecidesAboutTheDead) {
  struct Case {
    const char* policy;
    int exit_code;
    bool restarted;
  };
  for (const Case& c :
       {Case{"Always", 0, true}, Case{"Always", 1, true}, Case{"OnFailure", 0, false},
        Case{"OnFailure", 1, true}, Case{"Never", 1, false}}) {
    const auto sandbox = Ready({Container("a", ContainerState::kExited, c.exit_code),
                                Container("b", ContainerState::kRunning)});
    const PodActions actions = ComputePodActions(TwoContainers(c.policy), &sandbox, {}, {});
    EXPECT_EQ(!actions.containers.empty(), c.restarted) << c.policy << c.exit_code;
    EXPECT_FALSE(actions.kill_pod);
  }
}

TEST(PodActionsTest, APodWithNothingLeftToRunIsKilled) {
  const auto sandbox =
      Ready({Container("a", ContainerState::kExited), Container("b", ContainerState::kExited)});
  EXPECT_TRUE(ComputePodActions(TwoContainers("Never"), &sandbox, {}, {}).kill_pod);
  EXPECT_FALSE(ComputePodActions(TwoContainers("Always"), &sandbox, {}, {}).kill_pod);
}

TEST(PodActionsTest, KillsForProbesAndForAnotherImage) {
  const auto sandbox =
      Ready({Container("a", ContainerState::kRunning), Container("b", ContainerState::kRunning)});
  ProbeResultMap probes;
  probes["a0"].liveness = false;
  PodActions actions =
      ComputePodActions(TwoContainers("Always"), &sandbox, probes, {{"b0", "x:0"}});
  ASSERT_EQ(actions.kills.size(), 2U);
  EXPECT_EQ(actions.kills[0].message, "Container a failed liveness probe, will be restarted");
  EXPECT_EQ(actions.kills[1].message, "Container b definition changed, will be restarted");
  EXPECT_EQ(actions.containers.size(), 2U);
  // Never: killed, not started again.
  actions = ComputePodActions(TwoContainers("Never"), &sandbox, probes, {});
  EXPECT_EQ(actions.kills.size(), 1U);
  EXPECT_TRUE(actions.containers.empty());
}

TEST(PodActionsTest, ADeadSandboxIsMadeAnewUnlessThePodIsNeverRestarted) {
  auto sandbox = Ready({Container("a", ContainerState::kExited, 137)});
  sandbox.state = runtime::SandboxState::kNotReady;
  EXPECT_TRUE(ComputePodActions(TwoContainers("Always"), &sandbox, {}, {}).create_sandbox);
  EXPECT_TRUE(ComputePodActions(TwoContainers("Never"), &sandbox, {}, {}).kill_pod);
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
