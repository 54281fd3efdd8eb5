#include "lib/linux/cgroup.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace wherry::linux {
namespace {

TEST(CgroupDetect, PureV2) {
  auto roots = CgroupHierarchy::RootsFromMountinfo(
      "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
      "cpuset cpu io memory hugetlb pids rdma\n", true);
  ASSERT_EQ(roots.size(), 1u);
  EXPECT_EQ(roots[0].version, 2);
  EXPECT_TRUE(roots[0].cpu && roots[0].memory && roots[0].pids);
  EXPECT_FALSE(roots[0].devices);
}

TEST(CgroupDetect, HybridUsesV1ForLimitsAndV2ForTheRest) {
  auto roots = CgroupHierarchy::RootsFromMountinfo(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "33 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "34 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
      "35 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
      "36 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "39 31 0:36 / /other/pids rw - cgroup cgroup rw,pids\n",
      "hugetlb\n", true);
  ASSERT_EQ(roots.size(), 4u);
  EXPECT_EQ(roots[0].options, "cpu,cpuacct");
  EXPECT_TRUE(roots[0].cpu && roots[0].cpuacct);
  EXPECT_TRUE(roots[1].memory);
  EXPECT_TRUE(roots[2].pids);
  EXPECT_EQ(roots[2].mount_point, "/sys/fs/cgroup/pids");
  EXPECT_EQ(roots[3].version, 2);
  EXPECT_FALSE(roots[3].cpu);
}

TEST(CgroupDetect, HybridFiltersDevicesByV1WhereV2Cannot) {
  const char* mountinfo =
      "34 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
      "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(CgroupHierarchy::RootsFromMountinfo(mountinfo, "", true).size(), 1u);
  auto roots = CgroupHierarchy::RootsFromMountinfo(mountinfo, "", false);
  ASSERT_EQ(roots.size(), 2u);
  EXPECT_TRUE(roots[0].devices);
}

// Every process forks as long as the limit lets it: where one is killed another is born.
[[noreturn]] void ForkOnAndOn(const std::vector<Fd>& entrances) {
  for (const Fd& entrance : entrances) {
    if (::write(entrance.get(), "0", 1) != 1) ::_exit(1);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    if (::fork() < 0) ::sched_yield();
  }
  ::_exit(0);
}

TEST(Cgroup, KillsWhatForksMeanwhile) {
  const CgroupRoot freezer{.version = 1, .mount_point = "/sys/fs/cgroup/freezer", .freezer = true};
  const CgroupRoot pids{.version = 1, .mount_point = "/sys/fs/cgroup/pids", .pids = true};
  for (const CgroupRoot& root : {freezer, pids}) {
    if (::geteuid() != 0 || ::access((root.mount_point + "/cgroup.procs").c_str(), W_OK) != 0) {
      GTEST_SKIP() << "needs root and v1's freezer and pids controllers";
    }
  }
  auto hierarchy = CgroupHierarchy::FromRoots({freezer, pids});
  ASSERT_TRUE(hierarchy.ok()) << hierarchy.error().message;
  auto group = hierarchy->Create("wherry-kill-test-" + std::to_string(::getpid()), false);
  ASSERT_TRUE(group.ok()) << group.error().message;
  auto entrance = group->OpenEntrance();
  ASSERT_TRUE(entrance.ok());
  ASSERT_EQ(entrance->tasks.size(), 2u);
  ASSERT_TRUE(group->SetLimits({.pids_limit = 100}).ok());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ForkOnAndOn(entrance->tasks);
  ::poll(nullptr, 0, 100);
  EXPECT_TRUE(group->Kill().ok());
  ::waitpid(child, nullptr, 0);
  auto removed = group->Remove();
  EXPECT_TRUE(removed.ok()) << removed.error().message;
  if (!removed.ok()) ::poll(nullptr, 0, 6000);  // they end by themselves
  for (const CgroupRoot& root : {freezer, pids}) {
    ::rmdir((root.mount_point + "/" + group->path()).c_str());
  }
}

// The group's files, as the kernel shows them, in a plain directory: frozen for the killing, and
// thawed after it.
TEST(Cgroup, FreezesForKilling) {
  auto directory = TempDir::Make("/tmp", "wherry-cgroup-");
  ASSERT_TRUE(directory.ok());
  auto hierarchy = CgroupHierarchy::FromRoots(
      {{.version = 1, .mount_point = directory->path(), .freezer = true}});
  ASSERT_TRUE(hierarchy.ok());
  auto group = hierarchy->Create("g", false);
  ASSERT_TRUE(group.ok()) << group.error().message;
  const std::string state = directory->path() + "/g/freezer.state";
  std::ofstream(directory->path() + "/g/cgroup.procs") << "";
  std::ofstream(state) << "FROZEN";
  EXPECT_TRUE(group->Kill().ok());
  std::string now;
  std::ifstream(state) >> now;
  EXPECT_EQ(now, "THAWED");
}

// Containers that could open the node's disks must not start.
TEST(Cgroup, WithoutAnyDeviceFilterNothingIsRestrictedInSilence) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto all = CgroupHierarchy::Detect();
  if (!all.ok()) GTEST_SKIP() << all.error().message;
  std::vector<CgroupRoot> roots = all->roots();
  std::erase_if(roots, [](const CgroupRoot& root) { return root.version == 2 || root.devices; });
  if (roots.empty()) GTEST_SKIP() << "only v2 here";
  auto hierarchy = CgroupHierarchy::FromRoots(roots);
  ASSERT_TRUE(hierarchy.ok());
  auto missing = hierarchy->MissingControllers();
  EXPECT_NE(std::ranges::find(missing, "devices"), missing.end());
  std::string path = "wherry-devices-" + std::to_string(::getpid());
  auto group = hierarchy->Create(path, false);
  ASSERT_TRUE(group.ok());
  auto restricted = group->RestrictDevices();
  EXPECT_TRUE(group->Remove().ok());
  ASSERT_FALSE(restricted.ok());
  EXPECT_EQ(restricted.error().reason, Reason::kServiceUnavailable);
}

TEST(CgroupDetect, PureV1KeepsFreezerAndDevices) {
  auto roots = CgroupHierarchy::RootsFromMountinfo(
      "34 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
      "35 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
      "36 31 0:34 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n",
      "", false);
  ASSERT_EQ(roots.size(), 3u);
  EXPECT_TRUE(roots[0].devices && roots[1].freezer && roots[2].cpuacct);
}

TEST(CgroupDetect, BrokenLinesAreSkipped) {
  EXPECT_TRUE(CgroupHierarchy::RootsFromMountinfo("", "", true).empty());
  EXPECT_TRUE(CgroupHierarchy::RootsFromMountinfo("- - -\ncgroup2\n1 2 3 4 5 6 - cgroup2", "", true)
                  .empty());
  EXPECT_FALSE(CgroupHierarchy::FromRoots({}).ok());
}

TEST(CgroupUnits, SharesAndWeights) {
  EXPECT_EQ(CpuSharesFromMilli(0), 2u);
  EXPECT_EQ(CpuSharesFromMilli(1000), 1024u);
  EXPECT_EQ(CpuSharesFromMilli(1'000'000'000), 262144u);
  EXPECT_EQ(CpuSharesFromMilli(std::numeric_limits<int64_t>::max()), 262144u);
  EXPECT_EQ(CpuWeightFromShares(2), 1u);
  EXPECT_EQ(CpuWeightFromShares(262144), 10000u);
  EXPECT_EQ(CpuWeightFromShares(1024), 39u);
}

// A v2 hierarchy of ordinary files, so that its path is walked on machines without v2 as well.
class FakeV2 : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("/tmp", "wherry-cgroup-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    Make("cgroup.subtree_control");
    auto hierarchy = CgroupHierarchy::FromRoots({{.version = 2,
                                                  .mount_point = directory_->path(),
                                                  .cpu = true,
                                                  .memory = true,
                                                  .pids = true}});
    ASSERT_TRUE(hierarchy.ok()) << hierarchy.error().message;
    hierarchy_.emplace(std::move(*hierarchy));
  }
  // The files that the kernel would make with the group.
  void MakeGroup(const std::string& path) {
    ASSERT_TRUE(MakeDirs(AT_FDCWD, directory_->path() + "/" + path, 0755).ok());
    for (const char* file : {"cgroup.subtree_control", "cgroup.kill", "cpu.weight", "cpu.max",
                             "memory.max", "memory.oom.group", "memory.events", "pids.max"}) {
      Make(path + "/" + file);
    }
  }
  void Make(const std::string& path) { Write(path, ""); }
  void Write(const std::string& path, const std::string& text) {
    auto made =
        ReplaceFile(AT_FDCWD, directory_->path() + "/" + path, text, 0644, Durability::kPageCache);
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  std::string Read(const std::string& path) {
    return *ReadFile(AT_FDCWD, directory_->path() + "/" + path);
  }

  std::optional<TempDir> directory_;
  std::optional<CgroupHierarchy> hierarchy_;
};

TEST_F(FakeV2, LimitsGoIntoTheFilesOfV2) {
  MakeGroup("node/pod");
  auto group = hierarchy_->Create("node/pod", false);
  ASSERT_TRUE(group.ok()) << group.error().message;
  auto limited = group->SetLimits({.cpu_shares_milli = 100,
                                   .cpu_limit_milli = 200,
                                   .memory_limit_bytes = 32 << 20,
                                   .pids_limit = 10,
                                   .oom_kills_all = true});
  ASSERT_TRUE(limited.ok()) << limited.error().message;
  EXPECT_EQ(Read("node/pod/cpu.weight"), "4");
  EXPECT_EQ(Read("node/pod/cpu.max"), "20000 100000");
  EXPECT_EQ(Read("node/pod/memory.max"), "33554432");
  EXPECT_EQ(Read("node/pod/memory.oom.group"), "1");
  EXPECT_EQ(Read("node/pod/pids.max"), "10");
  EXPECT_EQ(Read("node/pod/cgroup.subtree_control"), "") << "it holds processes";
}

TEST_F(FakeV2, NoLimitIsMax) {
  MakeGroup("pod");
  auto group = hierarchy_->Create("pod", true);
  ASSERT_TRUE(group.ok()) << group.error().message;
  ASSERT_TRUE(group->SetLimits({}).ok());
  EXPECT_EQ(Read("pod/cpu.max"), "max 100000");
  EXPECT_EQ(Read("pod/memory.max"), "max");
  EXPECT_EQ(Read("pod/memory.oom.group"), "") << "the kernel's own choice stays";
  EXPECT_EQ(Read("pod/cgroup.subtree_control"), "+cpu +memory +pids ");
  EXPECT_EQ(Read("cgroup.subtree_control"), "+cpu +memory +pids ") << "systemd's root group";
}

TEST_F(FakeV2, EntranceIsTheDirectoryAndCountsOutOfMemoryKills) {
  MakeGroup("pod");
  Write("pod/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 1\n");
  auto group = hierarchy_->Open("pod");
  ASSERT_TRUE(group.ok());
  auto entrance = group->OpenEntrance();
  ASSERT_TRUE(entrance.ok()) << entrance.error().message;
  EXPECT_TRUE(entrance->unified.valid());
  EXPECT_TRUE(entrance->tasks.empty());
  EXPECT_EQ(CountOomKills(entrance->oom_events.get()).value(), 3);
  EXPECT_TRUE(group->Kill().ok());
  EXPECT_EQ(Read("pod/cgroup.kill"), "1");
}

TEST(Cgroup, IsMadeLimitedAndRemoved) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto hierarchy = CgroupHierarchy::Detect();
  if (!hierarchy.ok()) GTEST_SKIP() << hierarchy.error().message;
  std::string base = "wherry-unit-" + std::to_string(::getpid());
  {
    auto parent = hierarchy->Create(base + "/a", true);
    ASSERT_TRUE(parent.ok()) << parent.error().message;
    auto leaf = hierarchy->Create(base + "/a/b", false);
    ASSERT_TRUE(leaf.ok());
    auto limited = leaf->SetLimits({.cpu_shares_milli = 500,
                                    .cpu_limit_milli = 250,
                                    .memory_limit_bytes = 32 << 20,
                                    .pids_limit = 10});
    EXPECT_TRUE(limited.ok()) << limited.error().message;
    auto entrance = leaf->OpenEntrance();
    ASSERT_TRUE(entrance.ok());
    if (entrance->oom_events.valid()) {
      auto kills = CountOomKills(entrance->oom_events.get());
      EXPECT_TRUE(kills.ok() && *kills == 0);
    }
    EXPECT_TRUE(leaf->Stats().ok());
    EXPECT_TRUE(leaf->Kill().ok());
  }
  auto all = hierarchy->Open(base);
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(all->Remove().ok());
  EXPECT_TRUE(hierarchy->Open(base)->Remove().ok()) << "gone already is fine";
}

}  // namespace
}  // namespace wherry::linux
