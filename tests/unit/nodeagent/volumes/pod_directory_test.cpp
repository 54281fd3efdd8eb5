#include "nodeagent/volumes/pod_directory.h"

#include "lib/linux/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace wherry::nodeagent::volumes {
namespace {

namespace fs = std::filesystem;

// Mounts nothing; remembers what was unmounted, while it still existed.
class Recorder : public MountCalls {
 public:
  Result<bool> MountTmpfs(const std::string&, int64_t) override { return false; }
  Status Unmount(const std::string& path) override {
    if (!failure.empty()) return MakeError(Reason::kInternalError, failure);
    if (fs::exists(path)) unmounted.push_back(path);
    return Ok();
  }
  std::vector<std::string> unmounted;
  std::string failure;
};

class PodDirectoryTest : public ::testing::Test {
 protected:
  std::string MakePod(const std::string& uid) {
    const fs::path pod = fs::path(directory_.path()) / "pods" / uid;
    const fs::path volume = pod / "volumes/kubernetes.io~projected/token";
    fs::create_directories(volume);
    std::ofstream(volume / "token") << "secret";
    return pod.string();
  }
  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-pods-").value())};
  Recorder mounts_;
};

TEST_F(PodDirectoryTest, VolumesAreUnmountedBeforeAllIsRemoved) {
  const std::string one = MakePod("one");
  const std::string two = MakePod("two");
  ASSERT_TRUE(RemovePodDirectories(directory_.path() + "/pods", mounts_).ok());
  EXPECT_THAT(mounts_.unmounted,
              ::testing::UnorderedElementsAre(one + "/volumes/kubernetes.io~projected/token",
                                              two + "/volumes/kubernetes.io~projected/token"));
  EXPECT_FALSE(fs::exists(one));
  EXPECT_FALSE(fs::exists(two));
  EXPECT_TRUE(RemovePodDirectories(directory_.path() + "/none", mounts_).ok());
  EXPECT_TRUE(RemovePodDirectory(one, mounts_).ok());
}

TEST_F(PodDirectoryTest, WhatCannotBeUnmountedStays) {
  const std::string pod = MakePod("one");
  mounts_.failure = "busy";
  EXPECT_FALSE(RemovePodDirectory(pod, mounts_).ok());
  EXPECT_TRUE(fs::exists(pod));
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
