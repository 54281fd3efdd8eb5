#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"
#include "nodeagent/images/image_store.h"

#include <gtest/gtest.h>
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

TEST_F(StagingTest, WhatNobodyUsesGoesWhenTheStoreIsOpened) {
  auto store = ImageStore::Open(directory_.path());
  ASSERT_TRUE(store.ok());
  auto used = store->MakeStaging();
  ASSERT_TRUE(used.ok());
  const std::string leftover = MakeLeftover();
  auto again = ImageStore::Open(directory_.path());
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(Exists(leftover));
  EXPECT_TRUE(Exists(used->path()));
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
