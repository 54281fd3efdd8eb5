#include "nodeagent/volumes/atomic_writer.h"

#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace wherry::nodeagent::volumes {
namespace {

namespace fs = std::filesystem;

class AtomicWriterTest : public ::testing::Test {
 protected:
  std::string Read(const std::string& path) {
    std::ifstream file(root() / path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  unsigned Mode(const std::string& path) {
    struct stat info{};
    return ::stat((root() / path).c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  fs::path root() const { return directory_.path(); }
  fs::path Data() const { return fs::read_symlink(root() / "..data"); }

  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-volume-").value())};
};

// Each visible name leads through ..data, which is replaced as a whole.
TEST_F(AtomicWriterTest, WritesThenReplacesEverythingAtOnce) {
  ASSERT_TRUE(
      WritePayload(directory_.path(), {{"a", {"1", 0644}}, {"sub/b", {"2", 0400}}}, -1, 5).ok());
  EXPECT_EQ(Read("a"), "1");
  EXPECT_EQ(Read("sub/b"), "2");
  EXPECT_EQ(Mode("sub/b"), 0400U);
  EXPECT_EQ(fs::read_symlink(root() / "a"), fs::path("..data/a"));
  const fs::path before = Data();
  ASSERT_TRUE(WritePayload(directory_.path(), {{"a", {"3", 0644}}}, -1, 5).ok());
  EXPECT_EQ(Read("a"), "3");
  EXPECT_FALSE(fs::exists(fs::symlink_status(root() / "sub")));
  EXPECT_NE(Data(), before);
  EXPECT_FALSE(fs::exists(root() / before));
}

// Whoever can write into a volume may turn ..data anywhere (CVE-2017-1002102).
TEST_F(AtomicWriterTest, NothingIsRemovedWhereAForeignLinkLeads) {
  linux::TempDir elsewhere(std::move(linux::TempDir::Make("/tmp", "wherry-elsewhere-").value()));
  std::ofstream(elsewhere.path() + "/precious") << "x";
  for (const std::string& target :
       {elsewhere.path(), "../" + fs::path(elsewhere.path()).filename().string()}) {
    fs::remove(root() / "..data");
    fs::create_symlink(target, root() / "..data");
    ASSERT_TRUE(WritePayload(directory_.path(), {{"a", {target, 0644}}}, -1, 5).ok());
    EXPECT_EQ(Read("a"), target);
    EXPECT_TRUE(fs::exists(elsewhere.path() + "/precious")) << target;
  }
}

TEST_F(AtomicWriterTest, TheSameContentIsNotWrittenAgain) {
  const Payload payload{{"a", {"1", 0644}}};
  ASSERT_TRUE(WritePayload(directory_.path(), payload, -1, 5).ok());
  const fs::path before = Data();
  ASSERT_TRUE(WritePayload(directory_.path(), payload, -1, 9).ok());
  EXPECT_EQ(Data(), before);
}

TEST_F(AtomicWriterTest, AGroupMayRead) {
  ASSERT_TRUE(WritePayload(directory_.path(), {{"a", {"1", 0400}}}, 1001, 5).ok());
  EXPECT_EQ(Mode("a"), 0440U);
  struct stat info{};
  ASSERT_EQ(::stat((root() / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 1001U);
}

TEST_F(AtomicWriterTest, AFileMayHaveAnOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs the right to chown";
  const Payload payload{{"a", {"1", 0600, 1002}}};
  ASSERT_TRUE(WritePayload(directory_.path(), payload, -1, 5).ok());
  struct stat info{};
  ASSERT_EQ(::stat((root() / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1002U);
  EXPECT_EQ(info.st_gid, ::getegid());
  EXPECT_EQ(Mode("a"), 0600U);
  const fs::path before = Data();
  ASSERT_TRUE(WritePayload(directory_.path(), {{"a", {"1", 0600, 1003}}}, -1, 5).ok());
  EXPECT_NE(Data(), before);
}

TEST_F(AtomicWriterTest, RefusesPathsThatLeaveTheVolume) {
  for (const char* path : {"../x", "/etc/x", "a/../../x", "..x", ""})
    EXPECT_FALSE(WritePayload(directory_.path(), {{path, {"1", 0644}}}, -1, 5).ok()) << path;
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(AtomicWriterTest, AnEmptyPayloadIsAnEmptyVolume) {
  ASSERT_TRUE(WritePayload(directory_.path(), {{"a", {"1", 0644}}}, -1, 5).ok());
  ASSERT_TRUE(WritePayload(directory_.path(), {}, -1, 6).ok());
  EXPECT_FALSE(fs::exists(fs::symlink_status(root() / "a")));
  EXPECT_TRUE(fs::exists(root() / "..data"));
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
