#include "lib/linux/file.h"

#include "lib/linux/file_lock.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
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
