#include "nodeagent/images/manifest.h"

#include "nodeagent/images/digest.h"
#include "nodeagent/images/registry_client.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::images {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string Item(const std::string& digest, const std::string& rest = "") {
  return R"({"mediaType":"m","digest":")" + digest + R"(","size":3)" + rest + "}";
}

TEST(Digest, IsSha256InHex) {
  EXPECT_EQ(Sha256Of(""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_TRUE(DigestHex(kA).ok());
  for (const std::string& bad :
       {std::string("sha256:"), "sha256:" + std::string(64, 'G'), "sha512:" + std::string(64, 'a'),
        kA + "a", "sha256:../" + std::string(61, 'a')}) {
    EXPECT_FALSE(DigestHex(bad).ok()) << bad;
  }
}

TEST(Manifest, ListsConfigAndLayers) {
  auto parsed = ParseManifest(R"({"schemaVersion":2,"config":)" + Item(kA) + R"(,"layers":[)" +
                              Item(kB) + "]}");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_FALSE(parsed->is_index);
  EXPECT_EQ(parsed->manifest.config.digest, kA);
  ASSERT_EQ(parsed->manifest.layers.size(), 1u);
  EXPECT_EQ(parsed->manifest.layers[0].size, 3);
}

TEST(Manifest, RefusesWhatCouldBeReadInTwoWaysOrNotAtAll) {
  const std::string cases[] = {
      "",
      "[]",
      "{}",
      R"({"schemaVersion":1})",
      R"({"schemaVersion":2})",
      R"({"schemaVersion":2,"config":)" + Item(kA) + R"(,"layers":[],"manifests":[]})",
      R"({"schemaVersion":2,"config":)" + Item("sha256:x") + R"(,"layers":[]})",
      R"({"schemaVersion":2,"config":{"digest":")" + kA + R"(","size":-1},"layers":[]})"};
  for (const std::string& text : cases) EXPECT_FALSE(ParseManifest(text).ok()) << text;
}

TEST(Manifest, ThePlatformIsChosenFromAnIndex) {
  auto entry = [](const std::string& digest, const std::string& architecture) {
    return Item(digest, R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}");
  };
  auto index = ParseManifest(R"({"schemaVersion":2,"manifests":[)" + entry(kA, "s390x") + "," +
                             entry(kB, "amd64") + "]}");
  ASSERT_TRUE(index.ok());
  auto chosen = ChoosePlatform(*index, Platform{.architecture = "amd64"});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->digest, kB);
  auto none = ChoosePlatform(*index, Platform{.architecture = "riscv64"});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().reason, Reason::kNotFound);
}

TEST(Config, SaysHowToRun) {
  auto parsed = ParseConfig(
      R"({"os":"linux","config":{"Entrypoint":["/e"],"Cmd":["c"],"Env":["A=b"],"User":"app:1",)"
      R"("WorkingDir":"/w","StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[")" +
      kA + "\"]}}");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->config.entrypoint, std::vector<std::string>{"/e"});
  EXPECT_EQ(parsed->config.cmd, std::vector<std::string>{"c"});
  EXPECT_EQ(parsed->config.env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(parsed->config.user, "app:1");
  EXPECT_EQ(parsed->config.working_dir, "/w");
  EXPECT_EQ(parsed->config.stop_signal, "SIGINT");
  EXPECT_EQ(parsed->diff_ids, std::vector<std::string>{kA});
  EXPECT_TRUE(ParseConfig(R"({"config":null})").ok());
  EXPECT_FALSE(ParseConfig(R"({"rootfs":{"diff_ids":["../../x"]}})").ok());
}

TEST(AuthChallenge, NamesTheTokenServer) {
  auto challenge = ParseChallenge(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull")");
  EXPECT_TRUE(challenge.bearer);
  EXPECT_EQ(challenge.realm, "https://auth.docker.io/token");
  EXPECT_EQ(challenge.service, "registry.docker.io");
  EXPECT_EQ(challenge.scope, "repository:a/b:pull");
  EXPECT_TRUE(ParseChallenge("basic realm=\"x\"").basic);
  EXPECT_FALSE(ParseChallenge("").bearer);
  EXPECT_FALSE(ParseChallenge("Digest realm=\"x\"").basic);
  EXPECT_EQ(ParseChallenge("Bearer realm=\"a\\\"b").realm, "a\"b");
}

}  // namespace
}  // namespace wherry::nodeagent::images
