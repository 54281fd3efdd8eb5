#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"
#include "nodeagent/images/import.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>

namespace wherry::nodeagent::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

// What a container may not see or do.
class IsolationTest : public NodeFixture {};

std::string Field(const std::string& status, const std::string& name) {
  size_t at = status.find(name + ":\t");
  if (at == std::string::npos) return "";
  at += name.size() + 2;
  return status.substr(at, status.find('\n', at) - at);
}

TEST_F(IsolationTest, HoldsTheDefaultCapabilitiesAndNoMore) {
  auto config = Shell("caps", "cat /proc/self/status");
  RunToExit(config);
  char expected[17];
  std::snprintf(expected, sizeof expected, "%016lx", linux::DefaultCapabilities());
  EXPECT_EQ(Field(Output(config), "CapBnd"), expected);
  EXPECT_EQ(Field(Output(config), "CapEff"), expected);
  EXPECT_EQ(Field(Output(config), "CapInh"), "0000000000000000");
  EXPECT_EQ(Field(Output(config), "CapAmb"), "0000000000000000");
  EXPECT_EQ(Field(Output(config), "Seccomp"), "2");
  EXPECT_EQ(Field(Output(config), "NoNewPrivs"), "0");
}

TEST_F(IsolationTest, DroppedAndAddedCapabilitiesCount) {
  auto config = Shell("dropped", "cat /proc/self/status");
  config.security.drop_capabilities = {"ALL"};
  config.security.add_capabilities = {"NET_BIND_SERVICE"};
  config.security.allow_privilege_escalation = false;
  RunToExit(config);
  EXPECT_EQ(Field(Output(config), "CapBnd"), "0000000000000400");
  EXPECT_EQ(Field(Output(config), "CapEff"), "0000000000000400");
  EXPECT_EQ(Field(Output(config), "NoNewPrivs"), "1");
}

TEST_F(IsolationTest, AnotherUserHoldsNoCapabilities) {
  auto config = Shell("user", "cat /proc/self/status");
  config.security.run_as_user = 1000;
  RunToExit(config);
  EXPECT_EQ(Field(Output(config), "CapEff"), "0000000000000000");
  EXPECT_EQ(Field(Output(config), "CapPrm"), "0000000000000000");
}

TEST_F(IsolationTest, InheritsNoDescriptorOfTheNode) {
  auto config = Shell("fds", "ls /proc/self/fd | wc -l; ls -l /proc/1/fd");
  RunToExit(config);
  // 0, 1, 2 and the directory that ls reads.
  EXPECT_THAT(Output(config), testing::StartsWith("4\n")) << Output(config);
}

TEST_F(IsolationTest, SeesOnlyItsOwnMounts) {
  auto config = Shell("mountinfo", "cat /proc/self/mountinfo");
  RunToExit(config);
  EXPECT_THAT(Output(config), Not(HasSubstr("ext4")));
  EXPECT_THAT(Output(config), Not(HasSubstr("/work")));
  EXPECT_THAT(Output(config), HasSubstr(" / / rw"));
  EXPECT_THAT(Output(config), HasSubstr(" /sys ro"));
}

TEST_F(IsolationTest, MaskedPathsAreEmptyAndReadOnlyOnesRefuseWrites) {
  auto config = Shell("masked",
                      "cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; "
                      "echo 1 > /proc/sys/kernel/panic || echo refused; "
                      "echo b > /proc/sysrq-trigger || echo refused; touch /sys/x || echo refused");
  config.security.masked_paths = {"/proc/kcore", "/sys/firmware", "/not/there"};
  config.security.readonly_paths = {"/proc/sys", "/proc/sysrq-trigger"};
  RunToExit(config);
  EXPECT_EQ(Output(config), "0\n0\nrefused\nrefused\nrefused\n");
}

TEST_F(IsolationTest, CannotOpenTheNodesDisksEvenByMakingANode) {
  auto config = Shell("disk",
                      "mknod /tmp/disk b 254 0 && echo made; head -c 1 /tmp/disk || echo refused; "
                      "mknod /tmp/kmsg c 1 11; head -c 1 /tmp/kmsg || echo refused; "
                      "echo x > /dev/null && echo null works");
  RunToExit(config);
  EXPECT_EQ(Output(config), "made\nrefused\nrefused\nnull works\n");
}

TEST_F(IsolationTest, SystemCallsThatContainersDoNotNeedAreRefused) {
  auto config = Shell("calls", "mount -t tmpfs none /tmp || echo refused");
  config.security.add_capabilities = {};
  RunToExit(config);
  EXPECT_EQ(Output(config), "refused\n");
}

TEST_F(IsolationTest, CgroupsShowNothingAboveTheContainerAndCannotBeWritten) {
  auto config = Shell("cgroups",
                      "cat /proc/self/cgroup; ls /sys/fs/cgroup; "
                      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; "
                      "mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x || echo refused");
  config.resources.memory_limit_bytes = 64 << 20;
  RunToExit(config);
  EXPECT_THAT(Output(config), Not(HasSubstr("kubepods")));
  EXPECT_THAT(Output(config), HasSubstr("67108864\n"));
  EXPECT_THAT(Output(config), HasSubstr("refused"));
}

TEST_F(IsolationTest, AReadOnlyRootRefusesWritesButVolumesTakeThem) {
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("v"), 0777).ok());
  auto config = Shell("readonly", "touch /x || echo refused; touch /data/x && echo written");
  config.security.read_only_root_filesystem = true;
  config.mounts = {{.host_path = Path("v"), .container_path = "/data"}};
  RunToExit(config);
  EXPECT_EQ(Output(config), "refused\nwritten\n");
}

TEST_F(IsolationTest, PrivilegedMeansAllOfThat) {
  auto config =
      Shell("privileged",
            "cat /proc/self/status; ls /dev/vda /dev/loop-control /dev/kmsg 2>/dev/null | wc -l; "
            "mount -t tmpfs none /tmp && echo mounted");
  config.security.privileged = true;
  config.security.seccomp_profile = "Unconfined";
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 0) << status.message;
  auto all = linux::BoundingCapabilities();
  char expected[17];
  std::snprintf(expected, sizeof expected, "%016lx", *all);
  EXPECT_EQ(Field(Output(config), "CapEff"), expected);
  EXPECT_EQ(Field(Output(config), "Seccomp"), "0");
  EXPECT_THAT(Output(config), HasSubstr("mounted\n"));
}

// CVE-2024-21626: a working directory that leads to a descriptor of the runtime.
TEST_F(IsolationTest, AWorkingDirectoryCannotLeaveTheContainer) {
  for (int fd = 0; fd < 40; ++fd) {
    auto config = Shell("cwd" + std::to_string(fd), "pwd; ls ..");
    config.working_dir = "/proc/self/fd/" + std::to_string(fd);
    ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
    auto started = Await(runtime_->StartContainer("p", config));
    if (started.ok() && started->state == ContainerState::kRunning) {
      ADD_FAILURE() << "started in " << config.working_dir << ": " << Log(config);
    }
  }
}

TEST_F(IsolationTest, ProcessesGetTheirOomScore) {
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  auto config = Shell("c", "cat /proc/1/oom_score_adj");
  config.oom_score_adj = 1000;
  ASSERT_TRUE(Await(runtime_->StartContainer("p", config)).ok());
  WaitForExit("p", "c");
  EXPECT_EQ(Output(config), "1000\n");
}

TEST_F(IsolationTest, MountTargetsBehindLinksStayInside) {
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("v"), 0755).ok());
  // /escape leads to the container's own /etc, whatever the node has there.
  auto root = linux::OpenDirectory(AT_FDCWD, Path("root"));
  ASSERT_EQ(::symlinkat("../../../../../../etc", root->get(), "escape"), 0);
  auto name = images::ParseImageReference("linked");
  auto image = images::ImportImageFrom(*store_, &*name, Path("root"));
  ASSERT_TRUE(image.ok());
  auto config = Shell("links", "grep ' /etc/wherry-mount ' /proc/self/mountinfo | wc -l");
  config.image_id = image->image.id;
  config.mounts = {{.host_path = Path("v"), .container_path = "/escape/wherry-mount"}};
  RunToExit(config);
  EXPECT_EQ(Output(config), "1\n");
  EXPECT_FALSE(linux::OpenAt(AT_FDCWD, "/etc/wherry-mount", O_PATH).ok());
}

// Another container may have changed the volume since the path was made (CVE-2021-25741).
TEST_F(IsolationTest, ASubPathIsLookedUpInItsVolumeWhenItIsMounted) {
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("v/inside"), 0755).ok());
  auto volume = linux::OpenDirectory(AT_FDCWD, Path("v"));
  ASSERT_EQ(::symlinkat("inside", volume->get(), "link"), 0);
  auto config = Shell("linked", "touch /data/here && echo written");
  config.mounts = {{.host_path = Path("v"), .container_path = "/data", .sub_path = "link"}};
  RunToExit(config);
  EXPECT_EQ(Output(config), "written\n");
  EXPECT_TRUE(linux::OpenAt(AT_FDCWD, Path("v/inside/here"), O_PATH).ok());

  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
  for (const char* target : {"/etc", "../.."}) {
    ASSERT_EQ(::unlinkat(volume->get(), "link", 0), 0);
    ASSERT_EQ(::symlinkat(target, volume->get(), "link"), 0);
    config.name = "escaping";
    auto started = Await(runtime_->StartContainer("p", config));
    ASSERT_FALSE(started.ok()) << target;
    EXPECT_EQ(started.error().reason, Reason::kInvalid);
  }
}

TEST_F(IsolationTest, ProgramsThatCallHomeCannotReachTheSupervisor) {
  auto config =
      Shell("signals", "kill -9 -1; kill -0 1 && echo one; ls -l /proc/1/exe | grep -c busybox");
  RunToExit(config);
  EXPECT_THAT(Output(config), HasSubstr("1\n"));
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
