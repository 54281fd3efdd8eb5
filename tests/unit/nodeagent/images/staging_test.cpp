#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "nodeagent/images/image_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wherry::nodeagent::images {
namespace {

// What a killed process was unpacking goes at once, and what another one is unpacking stays.
class StagingTest : public testing::Test {
 protected:
  std::string MakeLeftover() {
    std::string path = directory_.path() + "/staging/Xy12ab";
    EXPECT_TRUE(linux::MakeDirs(AT_FDCWD, path + "/layer/usr", 0755).ok());
    return path;
  }
  static bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

  linux::TempDir directory_ = std::move(linux::TempDir::Make("/tmp", "wherry-staging-").value());
};

TEST_F(StagingTest, WhatNobodyUsesGoes) {
  auto store = ImageStore::Open(directory_.path());
  ASSERT_TRUE(store.ok());
  auto used = store->MakeStaging();
  ASSERT_TRUE(used.ok());
  const std::string leftover = MakeLeftover();
  ASSERT_EQ(::mknod((directory_.path() + "/staging/file").c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_TRUE(store->RemoveAbandoned().ok());
  EXPECT_FALSE(Exists(leftover));
  EXPECT_FALSE(Exists(directory_.path() + "/staging/file"));
  EXPECT_TRUE(Exists(used->path()));
}

// Without descriptors nobody can see what is in use.
TEST_F(StagingTest, WhatCannotBeLookedAtStays) {
  ASSERT_TRUE(ImageStore::Open(directory_.path()).ok());
  const std::string leftover = MakeLeftover();
  auto staging = linux::OpenDirectory(AT_FDCWD, directory_.path() + "/staging");
  ASSERT_TRUE(staging.ok());
  const int next = ::dup(0);
  ::close(next);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(next) + 1;  // for the list alone
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  auto found = Staging::FindAbandoned(staging->get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(found.ok());
}

TEST_F(StagingTest, WhatOneRemovesNoOtherFinds) {
  ASSERT_TRUE(ImageStore::Open(directory_.path()).ok());
  MakeLeftover();
  auto staging = linux::OpenDirectory(AT_FDCWD, directory_.path() + "/staging");
  ASSERT_TRUE(staging.ok());
  auto first = Staging::FindAbandoned(staging->get());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->size(), 1U);
  auto second = Staging::FindAbandoned(staging->get());
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->empty());
}

TEST_F(StagingTest, GarbageIsToldFromWhatIsInUseByItsLock) {
  auto store = ImageStore::Open(directory_.path());
  ASSERT_TRUE(store.ok());
  std::string path;
  {
    auto used = store->MakeStaging();
    ASSERT_TRUE(used.ok());
    path = used->path();
    const std::string leftover = MakeLeftover();
    ASSERT_TRUE(store->CollectGarbage().ok());
    EXPECT_FALSE(Exists(leftover));
    EXPECT_TRUE(Exists(path));
  }
  EXPECT_FALSE(Exists(path)) << "its end removes it";
}

}  // namespace
}  // namespace wherry::nodeagent::images
