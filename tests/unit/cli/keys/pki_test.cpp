#include "cli/keys/pki.h"

#include "cli/files.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/jwt.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace wherry::cli {
namespace {

class PkiTest : public testing::Test {
 protected:
  PkiTest() {
    std::string pattern = testing::TempDir() + "pki-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~PkiTest() override { std::filesystem::remove_all(directory_); }

  // What a start does: the keys, and their files.
  Pki Load() {
    FileBatch files;
    auto pki = LoadOrCreatePki(world_, directory_, {"localhost"}, {"127.0.0.1"}, files);
    EXPECT_TRUE(pki.ok()) << pki.error().message;
    wrote_files_ = !files.empty();
    EXPECT_TRUE(files.Commit().ok());
    return *pki;
  }

  SimWorld sim_{1};
  World& world_ = sim_.world();
  std::string directory_;
  bool wrote_files_ = false;
};

TEST_F(PkiTest, FirstStartMakesWhatLaterOnesRead) {
  const Pki first = Load();
  EXPECT_TRUE(wrote_files_);
  const Pki second = Load();
  EXPECT_FALSE(wrote_files_);
  EXPECT_EQ(first.ca.key_pem, second.ca.key_pem);
  EXPECT_EQ(first.serving.certificate_pem, second.serving.certificate_pem);
  EXPECT_EQ(first.service_account_key_pem, second.service_account_key_pem);
  EXPECT_EQ(first.admin_token, second.admin_token);
  struct stat key{};
  ASSERT_EQ(::stat((directory_ + "/pki/ca.key").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777, 0600U);
}

TEST_F(PkiTest, NewClustersSignTokensWithEcdsa) {
  EXPECT_EQ(*http::SigningAlgorithm(Load().service_account_key_pem), "ES256");
}

TEST_F(PkiTest, AnRsaKeyOfAnEarlierVersionIsKept) {
  Load();
  const std::string rsa = *http::MakeRsaKey();
  ASSERT_TRUE(WriteFile(directory_ + "/pki/service-account.key", rsa).ok());
  EXPECT_EQ(Load().service_account_key_pem, rsa);
  EXPECT_FALSE(wrote_files_);
}

TEST_F(PkiTest, ServingCertificateIsMadeAnewForANewName) {
  const Pki first = Load();
  FileBatch files;
  const auto second =
      LoadOrCreatePki(world_, directory_, {"localhost", "other"}, {"127.0.0.1"}, files);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(files.empty());
  EXPECT_NE(first.serving.certificate_pem, second->serving.certificate_pem);
  EXPECT_EQ(first.ca.certificate_pem, second->ca.certificate_pem);
}

TEST_F(PkiTest, KubeconfigIsWrittenOnceForAServer) {
  const Pki pki = Load();
  const std::string path = directory_ + "/admin.kubeconfig";
  const auto add = [&](const std::string& server) {
    FileBatch files;
    EXPECT_TRUE(AddClientKubeconfig(world_, pki, path, server, "me", {"us"}, files).ok());
    EXPECT_TRUE(files.Commit().ok());
    return !files.empty();
  };
  EXPECT_TRUE(add("https://10.0.0.1:6443"));
  EXPECT_FALSE(add("https://10.0.0.1:6443"));
  EXPECT_TRUE(add("https://10.0.0.2:6443"));
  EXPECT_EQ(client::LoadKubeconfig(path)->server, "https://10.0.0.2:6443");
}

TEST_F(PkiTest, ABatchThatFailsLeavesEveryFileAsItWas) {
  ASSERT_TRUE(WriteFile(directory_ + "/a", "old").ok());
  FileBatch files;
  files.Add(directory_ + "/a", "new");
  files.Add(directory_ + "/missing/b", "new");
  const Status failed = files.Commit();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().os_errno, ENOENT);
  EXPECT_EQ(*ReadFile(directory_ + "/a"), "old");
  EXPECT_FALSE(FileExists(directory_ + "/a.new"));
}

}  // namespace
}  // namespace wherry::cli
