#include "lib/linux/file.h"

#include "lib/linux/file_lock.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

namespace wherry::linux {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    auto made = TempDir::Make("/tmp", "wherry-file-");
    CHECK_OK(made);
    directory_.emplace(std::move(*made));
    CHECK_OK(MakeDirs(AT_FDCWD, directory_->path() + "/root", 0755));
    CHECK_OK(MakeDirs(AT_FDCWD, directory_->path() + "/outside", 0755));
    root_ = *OpenAt(AT_FDCWD, directory_->path() + "/root", O_RDONLY | O_DIRECTORY);
  }
  bool OutsideIsEmpty() {
    int entries = 0;
    CHECK_OK(ForEachEntry(AT_FDCWD, directory_->path() + "/outside",
                          [&](const std::string&, unsigned char) -> Status {
                            ++entries;
                            return Ok();
                          }));
    return entries == 0;
  }
  std::optional<TempDir> directory_;
  Fd root_;
};

TEST_F(FileTest, ReplaceIsAllOrNothing) {
  ASSERT_TRUE(ReplaceFile(root_.get(), "f", "one", 0600, Durability::kDisk).ok());
  ASSERT_TRUE(ReplaceFile(root_.get(), "f", "two", 0600, Durability::kPageCache).ok());
  EXPECT_EQ(*ReadFile(root_.get(), "f"), "two");
  EXPECT_EQ(ReadFile(root_.get(), "f", 2).error().reason, Reason::kRequestEntityTooLarge);
  EXPECT_EQ(ReadFile(root_.get(), "g").error().reason, Reason::kNotFound);
}

TEST_F(FileTest, PathsInARootNeverLeaveIt) {
  ASSERT_EQ(::symlinkat("../outside", root_.get(), "relative"), 0);
  ASSERT_EQ(::symlinkat((directory_->path() + "/outside").c_str(), root_.get(), "absolute"), 0);
  ASSERT_EQ(::symlinkat("loop", root_.get(), "loop"), 0);
  for (const char* path :
       {"relative/a", "/relative/../../outside/b", "../outside/c", "x/../../d"}) {
    Ignore(MakeDirsInRoot(root_.get(), path, 0755), "refused or inside are both fine");
  }
  EXPECT_FALSE(MakeDirsInRoot(root_.get(), "loop/x", 0755).ok());
  EXPECT_TRUE(OutsideIsEmpty());
  EXPECT_FALSE(OpenBeneath(root_.get(), "../outside", O_PATH).ok());
  EXPECT_FALSE(OpenInRoot(root_.get(), "/proc/self/root", O_PATH).ok());
}

TEST_F(FileTest, DirectoriesInARootAreMadeThroughLinks) {
  ASSERT_TRUE(MakeDirsInRoot(root_.get(), "/usr/lib", 0755).ok());
  ASSERT_EQ(::symlinkat("/usr/lib", root_.get(), "lib"), 0);
  ASSERT_TRUE(MakeDirsInRoot(root_.get(), "/lib/deep/er/", 0755).ok());
  EXPECT_TRUE(OpenAt(root_.get(), "usr/lib/deep/er", O_PATH | O_DIRECTORY).ok());
  ASSERT_TRUE(MakeDirsInRoot(root_.get(), "/", 0755).ok());
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(MakeDirs(root_.get(), "a/b/c", 0755).ok());
  auto outside = OpenDirectory(AT_FDCWD, directory_->path() + "/outside");
  ASSERT_TRUE(ReplaceFile(outside->get(), "kept", "x", 0600, Durability::kPageCache).ok());
  ASSERT_EQ(::symlinkat("../../outside", root_.get(), "a/link"), 0);
  ASSERT_TRUE(RemoveTree(root_.get(), "a").ok());
  ASSERT_TRUE(RemoveTree(root_.get(), "a").ok());
  EXPECT_EQ(*ReadFile(outside->get(), "kept"), "x");
  EXPECT_FALSE(OpenAt(root_.get(), "a", O_PATH).ok());
}

// A container can make more levels than a process may hold descriptors open.
TEST_F(FileTest, RemoveTreeNeedsFewDescriptorsForManyLevels) {
  constexpr int kLevels = 600;
  ASSERT_TRUE(MakeDirs(AT_FDCWD, directory_->path() + "/deep", 0755).ok());
  Fd level = *OpenAt(AT_FDCWD, directory_->path() + "/deep", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kLevels; ++i) {
    ASSERT_EQ(::mkdirat(level.get(), "d", 0755), 0);
    ASSERT_EQ(::mkdirat(level.get(), ".deep-0", 0755), 0) << "a name that is moved to";
    level = *OpenAt(level.get(), "d", O_RDONLY | O_DIRECTORY);
  }
  level.Close();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  auto removed = RemoveTree(AT_FDCWD, directory_->path() + "/deep");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_FALSE(OpenAt(AT_FDCWD, directory_->path() + "/deep", O_PATH).ok());
  EXPECT_TRUE(RemoveTree(AT_FDCWD, directory_->path() + "/deep").ok()) << "gone already is fine";
}

TEST_F(FileTest, ALockIsHeldOnce) {
  auto first = FileLock::TryLock(root_.get(), "lock");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(FileLock::TryLock(root_.get(), "lock").error().reason, Reason::kConflict);
  {
    FileLock gone = std::move(*first);
  }
  EXPECT_TRUE(FileLock::TryLock(root_.get(), "lock").ok());
}

}  // namespace
}  // namespace wherry::linux
