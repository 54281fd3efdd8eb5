#include "lib/linux/mount.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>

namespace wherry::linux {
namespace {

// Two lower layers that both have "name", and an upper one.
class Overlay : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_PRIVATE | MS_REC, nullptr), 0);
    auto made = TempDir::Make("/tmp", "wherry-mount-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    for (const char* name : {"top", "bottom", "upper", "work", "scratch"}) {
      ASSERT_TRUE(MakeDirs(AT_FDCWD, Path(name), 0755).ok());
    }
    Write("top/name", "top");
    Write("bottom/name", "bottom");
    Write("bottom/only", "bottom");
    top_ = *OpenDirectory(AT_FDCWD, Path("top"));
    bottom_ = *OpenDirectory(AT_FDCWD, Path("bottom"));
    upper_ = *OpenDirectory(AT_FDCWD, Path("upper"));
    work_ = *OpenDirectory(AT_FDCWD, Path("work"));
    layers_ = {.lower = {top_.get(), bottom_.get()}, .upper = upper_.get(), .work = work_.get()};
  }

  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    auto written = ReplaceFile(AT_FDCWD, Path(name), text, 0644, Durability::kPageCache);
    ASSERT_TRUE(written.ok()) << written.error().message;
  }
  void ExpectLayers(const Fd& mount) {
    EXPECT_EQ(*ReadFile(mount.get(), "name"), "top");
    EXPECT_EQ(*ReadFile(mount.get(), "only"), "bottom");
    auto file = OpenAt(mount.get(), "new", O_WRONLY | O_CREAT, 0644);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE(ReadFile(AT_FDCWD, Path("upper/new")).ok());
  }
  size_t ScratchEntries() {
    size_t count = 0;
    auto counted = ForEachEntry(AT_FDCWD, Path("scratch"), [&](const std::string&, unsigned char) {
      ++count;
      return Ok();
    });
    EXPECT_TRUE(counted.ok());
    return count;
  }

  std::optional<TempDir> directory_;
  Fd top_, bottom_, upper_, work_;
  OverlayLayers layers_;
};

// The topmost lower layer wins and writes go to the upper one, however the kernel is asked.
TEST_F(Overlay, AsThisKernelTakesIt) {
  auto mount = MakeOverlay(layers_, true, Path("scratch"));
  ASSERT_TRUE(mount.ok()) << mount.error().message;
  ExpectLayers(*mount);
}

TEST_F(Overlay, ByPathAsOlderKernelsNeedIt) {
  auto mount = MakeOverlayByPath(layers_, true, Path("scratch"));
  ASSERT_TRUE(mount.ok()) << mount.error().message;
  ExpectLayers(*mount);
  EXPECT_EQ(ScratchEntries(), 0u) << "the place of the moment is gone";
}

TEST_F(Overlay, ByPathLeavesNothingAfterAFailure) {
  OverlayLayers broken = layers_;
  broken.work = -1;
  EXPECT_FALSE(MakeOverlayByPath(broken, true, Path("scratch")).ok());
  EXPECT_EQ(ScratchEntries(), 0u);
}

// What a crash between mounting and unmounting leaves is taken away, mounts on top of each other
// too.
TEST_F(Overlay, ScratchIsCleared) {
  const std::string left = Path("scratch/overlay-left");
  ASSERT_EQ(::mkdir(left.c_str(), 0755), 0);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(::mount("none", left.c_str(), "tmpfs", 0, nullptr), 0);
  }
  auto cleared = ClearScratch(Path("scratch"));
  EXPECT_TRUE(cleared.ok()) << cleared.error().message;
  EXPECT_EQ(ScratchEntries(), 0u);
}

}  // namespace
}  // namespace wherry::linux
