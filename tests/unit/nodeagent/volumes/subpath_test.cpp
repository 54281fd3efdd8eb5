#include "nodeagent/volumes/subpath.h"

#include "lib/linux/temp_dir.h"
#include "nodeagent/volumes/host_path.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace wherry::nodeagent::volumes {
namespace {

namespace fs = std::filesystem;

class SubPathTest : public ::testing::Test {
 protected:
  std::string root() const { return directory_.path(); }
  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-subpath-").value())};
};

TEST_F(SubPathTest, MakesWhatIsMissingAndFollowsLinksInside) {
  EXPECT_TRUE(PrepareSubPath(root(), "a/b").ok());
  EXPECT_TRUE(fs::is_directory(root() + "/a/b"));
  fs::create_symlink("a", root() + "/link");
  EXPECT_TRUE(PrepareSubPath(root(), "link/c").ok());
  EXPECT_TRUE(fs::is_directory(root() + "/a/c"));
  std::ofstream(root() + "/file") << "x";
  EXPECT_TRUE(PrepareSubPath(root(), "file").ok());
  EXPECT_TRUE(fs::is_regular_file(root() + "/file"));
}

TEST_F(SubPathTest, NeverLeavesTheVolume) {
  fs::create_symlink("/etc", root() + "/out");
  fs::create_symlink("../..", root() + "/up");
  for (const char* path : {"../x", "a/../../x", "/etc", "out", "out/passwd", "up/etc", "out/new"})
    EXPECT_FALSE(PrepareSubPath(root(), path).ok()) << path;
  EXPECT_FALSE(fs::exists("/etc/new"));
}

TEST_F(SubPathTest, HostPathTypesAreChecked) {
  std::ofstream(root() + "/file") << "x";
  EXPECT_TRUE(PrepareHostPath(root() + "/file", "File").ok());
  EXPECT_FALSE(PrepareHostPath(root() + "/file", "Directory").ok());
  EXPECT_FALSE(PrepareHostPath(root() + "/none", "Directory").ok());
  EXPECT_FALSE(PrepareHostPath(root() + "/file", "Socket").ok());
  EXPECT_TRUE(PrepareHostPath(root() + "/made/here", "DirectoryOrCreate").ok());
  EXPECT_TRUE(fs::is_directory(root() + "/made/here"));
  EXPECT_TRUE(PrepareHostPath(root() + "/made/file", "FileOrCreate").ok());
  EXPECT_TRUE(PrepareHostPath("/dev/null", "CharDevice").ok());
  EXPECT_FALSE(PrepareHostPath("/dev/null", "BlockDevice").ok());
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
