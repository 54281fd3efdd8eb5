// What every Runtime does, whatever is underneath: pod workers and simulations rely on it.

#include "tests/contract/runtime/fake_fixture.h"
#include "tests/integration/runtime/node_fixture.h"

#include <algorithm>
#include <csignal>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;

template <typename Fixture>
class RuntimeContract : public Fixture {
 protected:
  const ContainerStatus* Container(const std::string& uid, const std::string& name,
                                   int32_t attempt = 0) {
    auto status = this->runtime_->PodSandboxStatus(uid);
    if (!status.ok()) return nullptr;
    last_ = std::move(*status);
    for (const ContainerStatus& container : last_.containers) {
      if (container.name == name && container.attempt == attempt) return &container;
    }
    return nullptr;
  }
  bool HasExited(const std::string& uid, const std::string& name, int32_t attempt = 0) {
    const ContainerStatus* found = Container(uid, name, attempt);
    return found != nullptr && found->state == ContainerState::kExited;
  }
  void Run(const std::string& uid) {
    auto sandbox = this->Await(this->runtime_->RunPodSandbox(this->Sandbox(uid)));
    ASSERT_TRUE(sandbox.ok()) << sandbox.error().message;
    EXPECT_EQ(sandbox->state, SandboxState::kReady);
  }
  SandboxStatus last_;
};

using Runtimes = testing::Types<FakeFixture, NodeFixture>;
class RuntimeNames {
 public:
  template <typename T>
  static std::string GetName(int) {
    return std::is_same_v<T, FakeFixture> ? "Fake" : "Native";
  }
};
TYPED_TEST_SUITE(RuntimeContract, Runtimes, RuntimeNames);

TYPED_TEST(RuntimeContract, AContainerRunsEndsAndIsTold) {
  this->Run("p");
  auto started =
      this->Await(this->runtime_->StartContainer("p", this->Shell("c", "sleep 0.1; exit 3")));
  ASSERT_TRUE(started.ok()) << started.error().message;
  EXPECT_EQ(started->state, ContainerState::kRunning);
  EXPECT_EQ(started->id.size(), 64u);
  ASSERT_TRUE(this->RunUntil([&] { return this->HasExited("p", "c"); }));
  const ContainerStatus* ended = this->Container("p", "c");
  EXPECT_EQ(ended->exit_code, 3);
  EXPECT_EQ(ended->reason, "Error");
  EXPECT_GE(ended->finished_at, ended->started_at);
  ASSERT_TRUE(this->RunUntil([&] {
    return !this->events_.empty() && this->events_.back().status.state == ContainerState::kExited;
  }));
  EXPECT_EQ(this->events_.back().uid, "p");
  EXPECT_EQ(this->events_.back().status.exit_code, 3);
  EXPECT_FALSE(this->events_.back().sandbox_died);
}

TYPED_TEST(RuntimeContract, EndingWithZeroIsCompleted) {
  this->Run("p");
  ASSERT_TRUE(this->Await(this->runtime_->StartContainer("p", this->Shell("c", "exit 0"))).ok());
  ASSERT_TRUE(this->RunUntil([&] { return this->HasExited("p", "c"); }));
  EXPECT_EQ(this->Container("p", "c")->reason, "Completed");
}

TYPED_TEST(RuntimeContract, WhatCannotBeExecutedIsAnExitedContainer) {
  this->Run("p");
  auto config = this->Shell("c", "");
  config.command = {"no-such-file"};
  auto started = this->Await(this->runtime_->StartContainer("p", config));
  ASSERT_TRUE(started.ok()) << started.error().message;
  EXPECT_EQ(started->state, ContainerState::kExited);
  EXPECT_EQ(started->exit_code, 128);
  EXPECT_EQ(started->reason, "StartError");
  EXPECT_FALSE(started->message.empty());
}

TYPED_TEST(RuntimeContract, EveryCallMayBeRepeated) {
  this->Run("p");
  this->Run("p");
  auto config = this->Shell("c", "sleep 1000");
  auto first = this->Await(this->runtime_->StartContainer("p", config));
  auto second = this->Await(this->runtime_->StartContainer("p", config));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->id, second->id);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(this->Await(this->runtime_->StopContainer("p", "c", 1ms)).ok());
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(this->Await(this->runtime_->RemoveContainer("p", "c", 0)).ok());
  }
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(this->Await(this->runtime_->StopPodSandbox("p")).ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(this->Await(this->runtime_->RemovePodSandbox("p")).ok());
  EXPECT_EQ(this->runtime_->PodSandboxStatus("p").error().reason, Reason::kNotFound);
}

TYPED_TEST(RuntimeContract, StoppingIsATermThenAKill) {
  this->Run("p");
  // A shell that is PID 1 and sets no trap is not ended by SIGTERM, as anywhere.
  auto config = this->Shell("c", "sleep 1000");
  config.command = {"sh", "-c", "ignore-term 2>/dev/null; sleep 1000; true"};
  ASSERT_TRUE(this->Await(this->runtime_->StartContainer("p", config)).ok());
  ASSERT_TRUE(this->Await(this->runtime_->StopContainer("p", "c", 100ms)).ok());
  ASSERT_TRUE(this->HasExited("p", "c"));
  EXPECT_EQ(this->Container("p", "c")->exit_code, 137);
  EXPECT_EQ(this->Container("p", "c")->signal, SIGKILL);
}

TYPED_TEST(RuntimeContract, AttemptsAreKeptUntilRemoved) {
  this->Run("p");
  for (int32_t attempt : {0, 1}) {
    auto config = this->Shell("c", "exit 1");
    config.attempt = attempt;
    ASSERT_TRUE(this->Await(this->runtime_->StartContainer("p", config)).ok());
    ASSERT_TRUE(this->RunUntil([&] { return this->HasExited("p", "c", attempt); }));
  }
  EXPECT_NE(this->Container("p", "c", 0), nullptr);
  ASSERT_TRUE(this->Await(this->runtime_->RemoveContainer("p", "c", 0)).ok());
  EXPECT_EQ(this->Container("p", "c", 0), nullptr);
  EXPECT_NE(this->Container("p", "c", 1), nullptr);
}

TYPED_TEST(RuntimeContract, AStoppedSandboxIsNotReadyAndKeepsStatuses) {
  this->Run("p");
  ASSERT_TRUE(
      this->Await(this->runtime_->StartContainer("p", this->Shell("c", "sleep 1000"))).ok());
  ASSERT_TRUE(this->Await(this->runtime_->StopPodSandbox("p")).ok());
  EXPECT_TRUE(this->HasExited("p", "c"));
  EXPECT_EQ(this->last_.state, SandboxState::kNotReady);
  EXPECT_FALSE(this->Await(this->runtime_->StartContainer("p", this->Shell("d", "exit 0"))).ok());
}

TYPED_TEST(RuntimeContract, PodsHaveAddressesOfTheirOwn) {
  this->Run("a");
  this->Run("b");
  auto first = this->runtime_->PodSandboxStatus("a");
  auto second = this->runtime_->PodSandboxStatus("b");
  ASSERT_EQ(first->ips.size(), 1u);
  ASSERT_EQ(second->ips.size(), 1u);
  EXPECT_NE(first->ips[0], second->ips[0]);
  auto host = this->Sandbox("h");
  host.host_network = true;
  auto status = this->Await(this->runtime_->RunPodSandbox(host));
  ASSERT_TRUE(status.ok());
  EXPECT_TRUE(status->ips.empty());
}

TYPED_TEST(RuntimeContract, AnotherAgentFindsWhatRunsAndHearsWhatEnded) {
  this->Run("p");
  auto lasting = this->Await(this->runtime_->StartContainer("p", this->Shell("on", "sleep 1000")));
  auto ended = this->Await(this->runtime_->StartContainer("p", this->Shell("off", "exit 9")));
  ASSERT_TRUE(lasting.ok() && ended.ok());
  ASSERT_TRUE(this->RunUntil([&] { return this->HasExited("p", "off"); }));
  this->RestartRuntime();
  auto pods = this->Await(this->runtime_->Recover());
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods)[0].state, SandboxState::kReady);
  const ContainerStatus* on = this->Container("p", "on");
  ASSERT_NE(on, nullptr);
  EXPECT_EQ(on->state, ContainerState::kRunning);
  EXPECT_EQ(on->id, lasting->id);
  const ContainerStatus* off = this->Container("p", "off");
  ASSERT_NE(off, nullptr);
  EXPECT_EQ(off->exit_code, 9);
  ASSERT_TRUE(this->Await(this->runtime_->StopContainer("p", "on", 1ms)).ok());
}

TYPED_TEST(RuntimeContract, CallsOnWhatIsNotThereSaySo) {
  EXPECT_EQ(this->runtime_->PodSandboxStatus("x").error().reason, Reason::kNotFound);
  EXPECT_FALSE(this->Await(this->runtime_->StartContainer("x", this->Shell("c", "exit 0"))).ok());
  this->Run("p");
  auto exec = this->Await(this->runtime_->ExecSync("p", "c", {"true"}, 1s));
  ASSERT_FALSE(exec.ok());
  EXPECT_EQ(exec.error().reason, Reason::kNotFound);
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
