#include "lib/client/kubeconfig.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace wherry::client {
namespace {

Kubeconfig Sample() {
  Kubeconfig config;
  config.server = "https://10.0.0.1:6443";
  config.tls.ca_pem = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n";
  config.tls.certificate_pem = "cert";
  config.tls.key_pem = "key";
  config.token = "to: ken\"";
  config.ns = "shop";
  return config;
}

TEST(KubeconfigTest, WhatIsWrittenIsReadAgain) {
  const std::string yaml = WriteKubeconfig(Sample(), "wherry", "admin");
  const auto read = ParseKubeconfig(yaml);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->server, Sample().server);
  EXPECT_EQ(read->tls.ca_pem, Sample().tls.ca_pem);
  EXPECT_EQ(read->tls.certificate_pem, "cert");
  EXPECT_EQ(read->tls.key_pem, "key");
  EXPECT_EQ(read->token, Sample().token);
  EXPECT_EQ(read->ns, "shop");
  EXPECT_FALSE(read->tls.insecure);
}

constexpr const char* kTwoContexts = R"(
apiVersion: v1
kind: Config
current-context: two
clusters:
- {name: a, cluster: {server: "https://a:1", insecure-skip-tls-verify: true}}
- {name: b, cluster: {server: "https://b:2", tls-server-name: b.local}}
users:
- {name: u, user: {token: t1}}
- {name: empty, user: {}}
- {name: exec, user: {exec: {command: aws}}}
contexts:
- {name: one, context: {cluster: a, user: u, namespace: n}}
- {name: two, context: {cluster: b, user: empty}}
- {name: dangling, context: {cluster: c, user: u}}
- {name: exec, context: {cluster: a, user: exec}}
)";

TEST(KubeconfigTest, ContextsAreChosenByName) {
  const auto current = ParseKubeconfig(kTwoContexts);
  ASSERT_TRUE(current.ok()) << current.error().message;
  EXPECT_EQ(current->server, "https://b:2");
  EXPECT_EQ(current->tls.server_name, "b.local");
  const auto one = ParseKubeconfig(kTwoContexts, "", "one");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->server, "https://a:1");
  EXPECT_TRUE(one->tls.insecure);
  EXPECT_EQ(one->token, "t1");
  EXPECT_EQ(one->ns, "n");
}

TEST(KubeconfigTest, WhatCannotBeUsedIsRefused) {
  for (const char* context : {"missing", "dangling", "exec"}) {
    const auto refused = ParseKubeconfig(kTwoContexts, "", context);
    ASSERT_FALSE(refused.ok()) << context;
    EXPECT_EQ(refused.error().reason, Reason::kBadRequest);
  }
  for (const char* yaml : {"", "[]", "a: [", "current-context: x", "current-context: {}",
                           "current-context: x\ncontexts: [5]", "\t"}) {
    EXPECT_FALSE(ParseKubeconfig(yaml).ok()) << yaml;
  }
}

TEST(KubeconfigTest, FilesAreFoundBesideTheKubeconfig) {
  const auto directory = std::filesystem::path(testing::TempDir()) / "wherry-kubeconfig-test";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "ca.crt") << "the ca";
  std::ofstream(directory / "config") << R"(
current-context: c
clusters: [{name: c, cluster: {server: "https://a", certificate-authority: ca.crt}}]
users: [{name: u, user: {tokenFile: token}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
)";
  const auto config = LoadKubeconfig((directory / "config").string());
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->tls.ca_pem, "the ca");
  EXPECT_EQ(config->token_file, (directory / "token").string());
  std::filesystem::remove(directory / "ca.crt");
  EXPECT_EQ(LoadKubeconfig((directory / "config").string()).error().reason, Reason::kNotFound);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace wherry::client
