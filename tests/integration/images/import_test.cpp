#include "nodeagent/images/import.h"

#include "lib/linux/file.h"
#include "lib/linux/file_lock.h"
#include "lib/linux/temp_dir.h"
#include "nodeagent/images/digest.h"
#include "tests/integration/images/sample_image.h"
#include "tests/integration/images/tar_builder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

namespace wherry::nodeagent::images {
namespace {

class ImportTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto made = linux::TempDir::Make("/tmp", "wherry-import-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    auto store = ImageStore::Open(Path("store"));
    ASSERT_TRUE(store.ok());
    store_.emplace(std::move(*store));
  }
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  void Write(const std::string& path, const std::string& bytes) {
    std::string full = Path(path);
    size_t slash = full.find_last_of('/');
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, full.substr(0, slash), 0755).ok());
    auto parent = linux::OpenDirectory(AT_FDCWD, full.substr(0, slash));
    ASSERT_TRUE(linux::ReplaceFile(parent->get(), full.substr(slash + 1), bytes, 0644,
                                   linux::Durability::kPageCache)
                    .ok());
  }
  void WriteOciLayout(const std::string& path, const SampleImage& image) {
    Write(path + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    Write(path + "/index.json", image.index);
    for (const auto& [digest, blob] : image.blobs)
      Write(path + "/blobs/sha256/" + digest.substr(7), blob);
  }
  Result<StoredImage> Import(const std::string& path, const std::string& name = "app:v1") {
    auto reference = ParseImageReference(name);
    return ImportImageFrom(*store_, &*reference, Path(path));
  }
  std::string LayerFile(const StoredImage& image, size_t layer, const std::string& path) {
    auto text = linux::ReadFile(AT_FDCWD, store_->LayerPath(image.diff_ids[layer]) + "/" + path);
    return text.ok() ? *text : "(none)";
  }
  void ExpectSample(const Result<StoredImage>& image, const SampleImage& sample) {
    ASSERT_TRUE(image.ok()) << image.error().message;
    EXPECT_EQ(image->image.id, Sha256Of(sample.config));
    EXPECT_EQ(image->image.config.cmd, std::vector<std::string>{"/run"});
    EXPECT_EQ(image->image.config.user, "app");
    ASSERT_EQ(image->diff_ids.size(), 2u);
    EXPECT_EQ(LayerFile(*image, 0, "etc/marker"), "m");
    EXPECT_EQ(LayerFile(*image, 1, "etc/upper"), "m");
    EXPECT_EQ(store_->Find("app:v1")->image.id, image->image.id);
  }

  std::optional<linux::TempDir> directory_;
  std::optional<ImageStore> store_;
};

TEST_F(ImportTest, AnOciLayoutAsDirectoryAndAsTar) {
  SampleImage sample = MakeSampleImage("m");
  WriteOciLayout("layout", sample);
  ExpectSample(Import("layout"), sample);
  TarBuilder tar;
  tar.File("oci-layout", "{}").File("index.json", sample.index);
  for (const auto& [digest, blob] : sample.blobs)
    tar.File("blobs/sha256/" + digest.substr(7), blob);
  Write("layout.tar", tar.Finish());
  ExpectSample(Import("layout.tar"), sample);
  EXPECT_EQ(store_->List()->size(), 1u);
}

TEST_F(ImportTest, ADockerArchiveWithItsOwnName) {
  SampleImage sample = MakeSampleImage("m");
  TarBuilder tar;
  tar.File("manifest.json",
           R"([{"Config":"c.json","RepoTags":["app:v1"],"Layers":["l/0.tar","link.tar"]}])");
  tar.File("c.json", sample.config)
      .File("l/0.tar", sample.layers[0])
      .File("l/1.tar", sample.layers[1]);
  tar.Symlink("link.tar", "l/1.tar");
  Write("docker.tar", tar.Finish());
  auto image = ImportImageFrom(*store_, nullptr, Path("docker.tar"));
  ExpectSample(image, sample);
  EXPECT_EQ(image->image.repo_tags, std::vector<std::string>{"docker.io/library/app:v1"});
}

TEST_F(ImportTest, ARootFileSystemAsDirectoryTarAndCompressedTar) {
  Write("root/bin/tool", "program");
  Write("root/etc/conf", "c");
  ASSERT_EQ(::symlink("tool", Path("root/bin/alias").c_str()), 0);
  ASSERT_EQ(::link(Path("root/bin/tool").c_str(), Path("root/bin/hard").c_str()), 0);
  auto first = Import("root");
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(LayerFile(*first, 0, "bin/alias"), "program");
  EXPECT_EQ(LayerFile(*first, 0, "bin/hard"), "program");
  auto again = Import("root");
  EXPECT_EQ(first->image.id, again->image.id) << "packing is not repeatable";

  std::string tar = TarBuilder().File("bin/x", "y").Finish();
  Write("root.tar", tar);
  Write("root.tar.gz", Gzip(tar));
  auto plain = Import("root.tar", "plain");
  auto compressed = Import("root.tar.gz", "compressed");
  ASSERT_TRUE(plain.ok() && compressed.ok());
  EXPECT_EQ(plain->image.id, compressed->image.id);
  EXPECT_EQ(plain->diff_ids[0], Sha256Of(tar));
}

TEST_F(ImportTest, WrongDigestsAreRefusedAndLeaveNoImage) {
  SampleImage sample = MakeSampleImage("m");
  for (const auto& [digest, blob] : sample.blobs) {
    WriteOciLayout("layout", sample);
    std::string bad = blob;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    Write("layout/blobs/sha256/" + digest.substr(7), bad);
    EXPECT_FALSE(Import("layout").ok()) << digest;
    // Layers that were whole may stay; the next round must not find the image's other half.
    ASSERT_TRUE(linux::RemoveTree(AT_FDCWD, Path("store/layers")).ok());
    ASSERT_TRUE(linux::MakeDirs(AT_FDCWD, Path("store/layers"), 0700).ok());
  }
  EXPECT_TRUE(store_->List()->empty());
}

TEST_F(ImportTest, WhatIsNotAnImageIsAnError) {
  EXPECT_EQ(Import("absent").error().reason, Reason::kNotFound);
  Write("text", "just a text, and not an archive of any kind");
  EXPECT_FALSE(Import("text").ok());
  Write("docker/manifest.json", "[]");
  EXPECT_FALSE(Import("docker").ok());
  Write("escape/manifest.json", R"([{"Config":"../../../../etc/passwd","Layers":[]}])");
  EXPECT_FALSE(Import("escape").ok());
}

TEST_F(ImportTest, ATagMovesAndRemovalKeepsWhatIsLeased) {
  Write("a.tar", TarBuilder().File("a", "1").Finish());
  Write("b.tar", TarBuilder().File("b", "2").Finish());
  auto a = Import("a.tar", "app:v1");
  auto b = Import("b.tar", "app:v1");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(store_->Find("app:v1")->image.id, b->image.id);
  EXPECT_FALSE(store_->Find(a->image.id).ok()) << "an image without a name stays";

  ASSERT_TRUE(store_->Lease("container", *b).ok());
  ASSERT_TRUE(store_->Remove("app:v1").ok());
  ASSERT_TRUE(store_->Remove("app:v1").ok());
  EXPECT_EQ(store_->Find("app:v1").error().reason, Reason::kNotFound);
  EXPECT_TRUE(store_->HasLayer(b->diff_ids[0]));
  ASSERT_TRUE(store_->Release("container").ok());
  EXPECT_TRUE(store_->LeaseOwners()->empty());
}

// Between somebody's look at the image and the lease the layer may have been collected: a container
// on a layer that is not there, or is going, must not start.
TEST_F(ImportTest, AMissingLayerCannotBeLeased) {
  Write("a.tar", TarBuilder().File("a", "1").Finish());
  auto image = Import("a.tar", "app:v1");
  ASSERT_TRUE(image.ok());
  ASSERT_TRUE(linux::RemoveTree(AT_FDCWD, store_->LayerPath(image->diff_ids[0])).ok());
  auto leased = store_->Lease("container", *image);
  ASSERT_FALSE(leased.ok());
  EXPECT_EQ(leased.error().reason, Reason::kNotFound);
  EXPECT_TRUE(store_->LeaseOwners()->empty());
}

TEST_F(ImportTest, ALeaseWaitsForTheCollectionOfGarbage) {
  Write("a.tar", TarBuilder().File("a", "1").Finish());
  auto image = Import("a.tar", "app:v1");
  ASSERT_TRUE(image.ok());
  std::optional<linux::FileLock> lock = *linux::FileLock::Lock(AT_FDCWD, Path("store/lock"));
  std::atomic<bool> leased = false;
  std::thread container([&] {
    EXPECT_TRUE(store_->Lease("container", *image).ok());
    leased = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(leased);
  lock.reset();
  container.join();
}

TEST_F(ImportTest, AnotherProcessSeesTheImage) {
  Write("a.tar", TarBuilder().File("a", "1").Finish());
  std::string before = store_->Generation();
  auto other = ImageStore::Open(Path("store"));
  auto name = ParseImageReference("x");
  ASSERT_TRUE(ImportImageFrom(*other, &*name, Path("a.tar")).ok());
  EXPECT_NE(store_->Generation(), before);
  EXPECT_TRUE(store_->Find("x").ok());
}

}  // namespace
}  // namespace wherry::nodeagent::images
