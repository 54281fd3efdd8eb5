#include "lib/linux/file.h"
#include "tests/integration/runtime/node_fixture.h"

#include <sys/mount.h>
#include <unistd.h>

namespace wherry::nodeagent::runtime {
namespace {

// Mounts that are made while containers run.
class PropagationTest : public NodeFixture {
 protected:
  void SetUp() override {
    NodeFixture::SetUp();
    if (IsSkipped()) return;
    volume_ = Path("volume");
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, volume_, 0755).ok());
    ASSERT_EQ(::mount("none", volume_.c_str(), "tmpfs", 0, nullptr), 0);
    ASSERT_EQ(::mount("none", volume_.c_str(), nullptr, MS_SHARED, nullptr), 0);
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, volume_ + "/sub", 0755).ok());
  }
  void TearDown() override {
    ::umount2((volume_ + "/sub").c_str(), MNT_DETACH);
    ::umount2(volume_.c_str(), MNT_DETACH);
    NodeFixture::TearDown();
  }
  ContainerConfig With(const std::string& name, MountPropagation propagation,
                       const std::string& script) const {
    ContainerConfig config = Shell(name, script);
    config.mounts.push_back(
        {.host_path = volume_, .container_path = "/volume", .propagation = propagation});
    return config;
  }
  void Start(const std::string& uid, const ContainerConfig& config) {
    ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox(uid))).ok());
    auto started = Await(runtime_->StartContainer(uid, config));
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  bool Exists(const std::string& name) const {
    return ::access((volume_ + "/" + name).c_str(), F_OK) == 0;
  }

  std::string volume_;
};

TEST_F(PropagationTest, TheNodesMountsShowWhereTheContainerAsksForThem) {
  const std::string look =
      "while [ ! -e /volume/go ]; do sleep 0.02; done; "
      "[ -e /volume/sub/late ] && echo seen || echo hidden";
  auto slave = With("slave", MountPropagation::kHostToContainer, look);
  auto none = With("none", MountPropagation::kNone, look);
  ASSERT_NO_FATAL_FAILURE(Start("slave", slave));
  ASSERT_NO_FATAL_FAILURE(Start("none", none));
  ASSERT_EQ(::mount("none", (volume_ + "/sub").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, volume_ + "/sub/late", 0755).ok());
  ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, volume_ + "/go", 0755).ok());
  WaitForExit("slave", "slave");
  WaitForExit("none", "none");
  EXPECT_EQ(Output(slave), "seen\n");
  EXPECT_EQ(Output(none), "hidden\n");
}

TEST_F(PropagationTest, AContainersMountsShowOnTheNodeOnlyBothWays) {
  const std::string make = "busybox mount -t tmpfs none /volume/sub && touch /volume/sub/mine";
  auto slave = With("slave", MountPropagation::kHostToContainer, make);
  slave.security.privileged = true;
  ASSERT_NO_FATAL_FAILURE(Start("slave", slave));
  EXPECT_EQ(WaitForExit("slave", "slave").exit_code, 0);
  EXPECT_FALSE(Exists("sub/mine"));
  auto shared = With("shared", MountPropagation::kBidirectional, make);
  shared.security.privileged = true;
  ASSERT_NO_FATAL_FAILURE(Start("shared", shared));
  EXPECT_EQ(WaitForExit("shared", "shared").exit_code, 0);
  EXPECT_TRUE(Exists("sub/mine"));
}

TEST_F(PropagationTest, WhatIsNotSharedCannotPropagate) {
  ASSERT_EQ(::mount("none", volume_.c_str(), nullptr, MS_PRIVATE, nullptr), 0);
  ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("pod"))).ok());
  for (auto propagation : {MountPropagation::kHostToContainer, MountPropagation::kBidirectional}) {
    auto started = Await(runtime_->StartContainer("pod", With("c", propagation, "true")));
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().reason, Reason::kInvalid);
  }
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
