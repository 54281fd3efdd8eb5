#include "nodeagent/images/unpack.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "nodeagent/images/digest.h"
#include "tests/integration/images/tar_builder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <optional>

namespace wherry::nodeagent::images {
namespace {

// Layers, honest and hostile. The directory around the layer's root is watched: nothing there may
// change, whatever the archive says.
class UnpackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto made = linux::TempDir::Make("/tmp", "wherry-unpack-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("around/layer"), 0755).ok());
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("around/secret"), 0755).ok());
    auto secret = linux::OpenDirectory(AT_FDCWD, Path("around/secret"));
    ASSERT_TRUE(
        linux::ReplaceFile(secret->get(), "file", "secret", 0600, linux::Durability::kPageCache)
            .ok());
    auto root = linux::OpenAt(AT_FDCWD, Path("around/layer"), O_RDONLY | O_DIRECTORY);
    root_ = std::move(*root);
  }
  void TearDown() override {
    if (!directory_) return;
    EXPECT_EQ(*linux::ReadFile(AT_FDCWD, Path("around/secret/file")), "secret");
    int entries = 0;
    for (const char* place : {"around", "around/secret"}) {
      ASSERT_TRUE(linux::ForEachEntry(AT_FDCWD, Path(place),
                                      [&](const std::string&, unsigned char) -> Status {
                                        ++entries;
                                        return Ok();
                                      })
                      .ok());
    }
    EXPECT_EQ(entries, 3) << "something was written outside of the layer";
  }

  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }

  Result<UnpackResult> Unpack(const TarBuilder& tar, const UnpackLimits& limits = {}) {
    return UnpackBytes(tar.Finish(), limits);
  }
  Result<UnpackResult> UnpackBytes(const std::string& bytes, const UnpackLimits& limits = {}) {
    TRY(linux::Fd file, linux::OpenAt(AT_FDCWD, directory_->path(), O_RDWR | O_TMPFILE, 0600));
    TRY_STATUS(linux::WriteAll(file.get(), bytes));
    ::lseek(file.get(), 0, SEEK_SET);
    return UnpackTar(file.get(), root_.get(), UnpackAs::kLayer, limits);
  }
  std::string Read(const std::string& path) {
    auto file = linux::OpenInRoot(root_.get(), path, O_RDONLY);
    return file.ok() ? linux::ReadAll(file->get(), 1 << 20).value_or("?") : "(none)";
  }
  struct stat Stat(const std::string& path) {
    struct stat info{};
    ::fstatat(root_.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW);
    return info;
  }

  std::optional<linux::TempDir> directory_;
  linux::Fd root_;
};

using Type = TarBuilder::Type;

TEST_F(UnpackTest, AnHonestLayerArrivesWithModesTimesAndLinks) {
  TarBuilder tar;
  tar.Directory("bin").Add(Type::kFile, "bin/sh", "shell", "", 04755).Symlink("sh", "bin/sh");
  tar.HardLink("bin/again", "bin/sh").Add(Type::kFifo, "pipe").Directory("empty");
  auto unpacked = Unpack(tar);
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
  EXPECT_EQ(unpacked->diff_id, Sha256Of(tar.Finish()));
  EXPECT_EQ(Read("sh"), "shell");
  EXPECT_EQ(Stat("bin/sh").st_mode & 07777, 04755u);
  EXPECT_EQ(Stat("bin/sh").st_nlink, 2u);
  EXPECT_EQ(Stat("bin/sh").st_mtim.tv_sec, 1000000);
  EXPECT_EQ(Stat("bin").st_mtim.tv_sec, 1000000);
  EXPECT_TRUE(S_ISFIFO(Stat("pipe").st_mode));
}

TEST_F(UnpackTest, DotDotIsRefused) {
  for (const char* path : {"../secret/file", "a/../../secret/file", "/../secret/file"}) {
    EXPECT_FALSE(Unpack(TarBuilder().File(path, "stolen")).ok()) << path;
  }
}

TEST_F(UnpackTest, AbsolutePathsAreBelowTheLayer) {
  ASSERT_TRUE(Unpack(TarBuilder().File("/etc/passwd", "inside")).ok());
  EXPECT_EQ(Read("etc/passwd"), "inside");
}

TEST_F(UnpackTest, LinksThatLeadOutAreFollowedInsideOnly) {
  for (const std::string& target : {std::string("../secret"), Path("around/secret"),
                                    std::string("/"), std::string("../../../../../..")}) {
    TarBuilder tar;
    tar.Symlink("out", target).File("out/file", "stolen").File("out/new", "x");
    Ignore(Unpack(tar), "refused or inside are both fine; TearDown looks outside");
  }
}

TEST_F(UnpackTest, AFileReplacesALinkInsteadOfWritingThroughIt) {
  TarBuilder tar;
  tar.Symlink("link", "../secret/file").File("link", "mine");
  ASSERT_TRUE(Unpack(tar).ok());
  EXPECT_TRUE(S_ISREG(Stat("link").st_mode));
  EXPECT_EQ(Read("link"), "mine");
}

TEST_F(UnpackTest, HardLinksReachNothingOutside) {
  EXPECT_FALSE(Unpack(TarBuilder().HardLink("a", "../secret/file")).ok());
  EXPECT_FALSE(Unpack(TarBuilder().HardLink("a", Path("around/secret/file"))).ok());
  TarBuilder through;
  through.Symlink("d", "../secret").HardLink("a", "d/file").File("a", "stolen");
  EXPECT_FALSE(Unpack(through).ok());
  // A hard link to a symbolic link is one, not what it points to.
  TarBuilder link;
  link.Symlink("s", "../secret/file").HardLink("h", "s");
  ASSERT_TRUE(Unpack(link).ok());
  EXPECT_TRUE(S_ISLNK(Stat("h").st_mode));
}

TEST_F(UnpackTest, DeviceNodesAreLeftOut) {
  TarBuilder tar;
  tar.Add(Type::kBlockDevice, "dev/disk").Add(Type::kCharacterDevice, "dev/mem").File("x", "y");
  auto unpacked = Unpack(tar);
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->skipped, 2);
  EXPECT_EQ(Read("dev/disk"), "(none)");
  EXPECT_EQ(Read("x"), "y");
}

TEST_F(UnpackTest, WhiteoutsBecomeOverlaysOwn) {
  TarBuilder tar;
  tar.Directory("d").File("d/.wh.gone", "").File("d/.wh..wh..opq", "").File(".wh..wh.plnk", "");
  tar.File("kept", "x").File(".wh.kept", "");
  ASSERT_TRUE(Unpack(tar).ok());
  struct stat gone = Stat("d/gone");
  EXPECT_TRUE(S_ISCHR(gone.st_mode));
  EXPECT_EQ(gone.st_rdev, makedev(0, 0));
  char value[4] = {};
  EXPECT_EQ(
      ::getxattr(Path("around/layer/d").c_str(), "trusted.overlay.opaque", value, sizeof value), 1);
  EXPECT_EQ(value[0], 'y');
  // It speaks of lower layers: what this one has stays.
  EXPECT_EQ(Read("kept"), "x");
}

TEST_F(UnpackTest, HostileWhiteoutsAreRefused) {
  for (const char* name : {".wh..", ".wh...", ".wh.", "d/.wh..", "../.wh.secret"}) {
    EXPECT_FALSE(Unpack(TarBuilder().File(name, "")).ok()) << name;
  }
  TarBuilder through;
  through.Symlink("out", "../secret").File("out/.wh.file", "").File("out/.wh..wh..opq", "");
  Ignore(Unpack(through), "TearDown looks outside");
}

TEST_F(UnpackTest, TheLayersRootCannotBeReplaced) {
  Ignore(Unpack(TarBuilder().Symlink(".", "../secret").File("file", "x")),
         "TearDown looks outside");
  Ignore(Unpack(TarBuilder().Symlink("/", "../secret").File("/file", "x")),
         "TearDown looks outside");
}

TEST_F(UnpackTest, ADirectoryWhereALinkWasIsOurs) {
  TarBuilder tar;
  tar.Symlink("d", "../secret").Directory("d").File("d/file", "inside");
  ASSERT_TRUE(Unpack(tar).ok());
  EXPECT_TRUE(S_ISDIR(Stat("d").st_mode));
  EXPECT_EQ(Read("d/file"), "inside");
}

TEST_F(UnpackTest, LimitsHold) {
  std::string content(100000, 'x');
  auto large = Unpack(TarBuilder().File("a", content), {.bytes_max = 1000});
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().reason, Reason::kRequestEntityTooLarge);
  TarBuilder many;
  for (int i = 0; i < 20; ++i) many.File("f" + std::to_string(i), "");
  EXPECT_FALSE(Unpack(many, {.entries_max = 10}).ok());
}

TEST_F(UnpackTest, BrokenArchivesAreErrors) {
  std::string tar = TarBuilder().File("a", std::string(5000, 'x')).Finish();
  EXPECT_FALSE(UnpackBytes(tar.substr(0, 2000)).ok());
  std::string flipped = tar;
  flipped[10] = 'z';
  EXPECT_FALSE(UnpackBytes(flipped).ok());
  EXPECT_FALSE(UnpackBytes("this is no archive at all, not even nearly").ok());
}

}  // namespace
}  // namespace wherry::nodeagent::images
