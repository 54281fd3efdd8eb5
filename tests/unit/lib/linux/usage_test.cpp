#include "lib/linux/disk_usage.h"
#include "lib/linux/file.h"
#include "lib/linux/net_dev.h"
#include "lib/linux/temp_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace wherry::linux {
namespace {

TEST(DiskUsageTest, CountsBlocksOnceAndFollowsNoLinks) {
  auto directory = TempDir::Make("/tmp", "wherry-usage-");
  ASSERT_TRUE(directory.ok());
  const std::string& top = directory->path();
  ASSERT_TRUE(MakeDirs(AT_FDCWD, top + "/a/b", 0755).ok());
  const std::string data(100 * 1024, 'x');
  auto fd = OpenAt(AT_FDCWD, top + "/a/b/file", O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(fd.ok());
  ASSERT_TRUE(WriteAll(fd->get(), data).ok());
  ASSERT_EQ(::fsync(fd->get()), 0);  // blocks are given when they are written
  ASSERT_EQ(::link((top + "/a/b/file").c_str(), (top + "/again").c_str()), 0);
  ASSERT_EQ(::symlink("/usr", (top + "/elsewhere").c_str()), 0);
  ASSERT_TRUE(OpenAt(AT_FDCWD, top + "/sparse", O_WRONLY | O_CREAT, 0600).ok());
  ASSERT_EQ(::truncate((top + "/sparse").c_str(), 1 << 30), 0);
  auto usage = DiskUsageOf(AT_FDCWD, top);
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(usage->inodes, 6U);  // top, a, b, file, elsewhere, sparse
  EXPECT_GE(usage->bytes, data.size());
  EXPECT_LT(usage->bytes, 2 * data.size());
  EXPECT_EQ(DiskUsageOf(AT_FDCWD, top + "/none").error().reason, Reason::kNotFound);
}

TEST(NetDevTest, ReadsWhatTheKernelPrints) {
  auto text = ReadFile(AT_FDCWD, "tests/fuzz/corpus/net_dev/pod");
  ASSERT_TRUE(text.ok());
  const auto interfaces = ParseNetDev(*text);
  ASSERT_EQ(interfaces.size(), 1U);
  EXPECT_EQ(interfaces[0].name, "eth0");
  EXPECT_EQ(interfaces[0].rx_bytes, UINT64_MAX);
  EXPECT_EQ(interfaces[0].rx_errors, 3U);
  EXPECT_EQ(interfaces[0].tx_bytes, 5678U);
  EXPECT_EQ(interfaces[0].tx_errors, 4U);
}

}  // namespace
}  // namespace wherry::linux
