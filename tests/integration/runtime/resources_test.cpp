#include "lib/linux/cgroup.h"
#include "lib/linux/file.h"
#include "tests/integration/runtime/node_fixture.h"

#include <algorithm>

namespace wherry::nodeagent::runtime {
namespace {

// What pods may take from each other and from the node.
class ResourcesTest : public NodeFixture {
 protected:
  // A value of a group below the test's own, from the hierarchy that has the controller; shares of
  // the processors are v1's or v2's.
  std::string Value(bool linux::CgroupRoot::* controller, const std::string& group,
                    const std::string& v1, const std::string& v2) {
    auto hierarchy = linux::CgroupHierarchy::Detect();
    for (const linux::CgroupRoot& root : hierarchy->roots()) {
      if (!(root.*controller)) continue;
      auto text = linux::ReadFile(AT_FDCWD, root.mount_point + "/" + cgroup_parent_ + "/" + group +
                                                "/" + (root.version == 2 ? v2 : v1));
      return text.ok() ? text->substr(0, text->find('\n')) : text.error().message;
    }
    return "no such controller";
  }
  uint64_t Shares(const std::string& group) {
    auto hierarchy = linux::CgroupHierarchy::Detect();
    auto v2 = std::ranges::find_if(hierarchy->roots(), &linux::CgroupRoot::cpu);
    bool weights = v2 != hierarchy->roots().end() && v2->version == 2;
    std::string text = Value(&linux::CgroupRoot::cpu, group, "cpu.shares", "cpu.weight");
    uint64_t value = std::stoull(text);
    // The least share whose weight it is, to compare with the weight of a request.
    return weights ? value : linux::CpuWeightFromShares(value);
  }
  static uint64_t WeightOf(int64_t milli) {
    return linux::CpuWeightFromShares(linux::CpuSharesFromMilli(milli));
  }
  SandboxConfig Asking(const std::string& uid, const std::string& qos, int64_t milli) const {
    SandboxConfig sandbox = Sandbox(uid);
    sandbox.qos_class = qos;
    sandbox.resources.cpu_shares_milli = milli;
    return sandbox;
  }
};

// All BestEffort pods together had as much as five Guaranteed pods that asked for half a core.
TEST_F(ResourcesTest, QosGroupsGetWhatTheirPodsAskedFor) {
  EXPECT_EQ(Shares("kubepods/besteffort"), WeightOf(0));
  EXPECT_EQ(Shares("kubepods/burstable"), WeightOf(0));
  EXPECT_GE(Shares("kubepods"), WeightOf(1000));
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Asking("one", "Burstable", 3000))).ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Asking("two", "Burstable", 4000))).ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Asking("sure", "Guaranteed", 500))).ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Asking("none", "BestEffort", 0))).ok());
  EXPECT_EQ(Shares("kubepods/burstable"), WeightOf(7000));
  EXPECT_EQ(Shares("kubepods/besteffort"), WeightOf(0));
  EXPECT_EQ(Shares("kubepods/podsure"), WeightOf(500));

  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->Recover()).ok());
  EXPECT_EQ(Shares("kubepods/burstable"), WeightOf(7000));
  ASSERT_TRUE(Await(runtime_->StopPodSandbox("two")).ok());
  EXPECT_EQ(Shares("kubepods/burstable"), WeightOf(3000));
}

TEST_F(ResourcesTest, AForkBombEndsAtTheNodesLimit) {
  options_.pod_pids_max = 10;
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  EXPECT_EQ(Value(&linux::CgroupRoot::pids, "kubepods/burstable/podp", "pids.max", "pids.max"),
            "10");
  auto config = Shell("bomb", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo done");
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "bomb");
  EXPECT_NE(Log(config).find("can't fork"), std::string::npos);
}

TEST_F(ResourcesTest, PodsHaveALimitOfProcessesUnlessTheNodeHasNone) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  EXPECT_EQ(Value(&linux::CgroupRoot::pids, "kubepods/burstable/podp", "pids.max", "pids.max"),
            "4096");
  options_.pod_pids_max = -1;
  RestartRuntime();
  ASSERT_TRUE(Await(runtime_->Recover()).ok());
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("q"))).ok());
  EXPECT_EQ(Value(&linux::CgroupRoot::pids, "kubepods/burstable/podq", "pids.max", "pids.max"),
            "max");
}

TEST_F(ResourcesTest, TellsWhatAPodUses) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("busy"))).ok());
  ContainerConfig burn =
      Shell("burn", "i=0; head -c 300000 /dev/zero > /junk; while :; do i=$((i+1)); done");
  ASSERT_TRUE(Await(runtime_->StartContainer("busy", burn)).ok());
  std::vector<PodUsage> usages;
  const auto used = [&usages] {
    return usages.size() == 1 && usages[0].containers.size() == 1
               ? usages[0].containers[0].resources.cpu_ns
               : 0;
  };
  const MonotonicTime deadline = world().loop.MonotonicNow() + std::chrono::seconds(10);
  while (used() < 200'000'000 && world().loop.MonotonicNow() < deadline)
    usages = Await(runtime_->ListPodUsage({"busy"}));
  ASSERT_EQ(usages.size(), 1U);
  EXPECT_EQ(usages[0].uid, "busy");
  ASSERT_EQ(usages[0].containers.size(), 1U);
  const ContainerUsage& container = usages[0].containers[0];
  EXPECT_EQ(container.name, "burn");
  EXPECT_GT(container.resources.cpu_ns, 200'000'000U);
  EXPECT_GE(usages[0].resources.cpu_ns, container.resources.cpu_ns);
  EXPECT_GT(container.resources.memory_working_set_bytes, 0U);
  EXPECT_GT(container.resources.page_faults, 0U);
  ASSERT_TRUE(container.writable_layer);
  EXPECT_GE(container.writable_layer->bytes, 300'000U);
  ASSERT_EQ(usages[0].interfaces.size(), 1U);
  EXPECT_EQ(usages[0].interfaces[0].name, "eth0");
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
