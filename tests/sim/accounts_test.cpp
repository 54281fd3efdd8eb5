// Secrets that hold a service account's token.

#include "lib/api/legacy_token.h"
#include "lib/http/certificates.h"
#include "lib/http/jwt.h"
#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

#include <nlohmann/json.hpp>

namespace wherry::sim {
namespace {

namespace core = api::core::v1;

const std::string& Key() {
  static const std::string key = http::MakePrivateKey().value();
  return key;
}

class AccountsTest : public ClusterTest {
 protected:
  AccountsTest() : ClusterTest({.service_account_key_pem = Key()}) {}
  void Make(const std::string& secret, const std::string& account) {
    Create<core::Secret>(
        "default", R"({"metadata":{"name":")" + secret +
                       R"(","annotations":{"kubernetes.io/service-account.name":")" + account +
                       R"("}},"type":"kubernetes.io/service-account-token"})");
  }
  std::string DataOf(const std::string& secret, const std::string& key) {
    const auto found = Get<core::Secret>("default", secret);
    if (!found) return "";
    auto value = found->data().find(key);
    return value == found->data().end() ? "" : value->second;
  }
};

TEST_F(AccountsTest, TokenSecretsAreFilled) {
  Create<core::ServiceAccount>("default", R"({"metadata":{"name":"robot"}})");
  Make("key", "robot");
  ASSERT_TRUE(Eventually([&] { return !DataOf("key", "token").empty(); }));
  const std::string token = DataOf("key", "token");
  EXPECT_EQ(DataOf("key", "ca.crt"), "PEM");
  EXPECT_EQ(DataOf("key", "namespace"), "default");
  auto text = http::VerifyJwt(Key(), token);
  ASSERT_TRUE(text.ok());
  const auto claims = api::ReadLegacyClaims(json::Parse(*text).value());
  ASSERT_TRUE(claims.ok());
  const auto account = Get<core::ServiceAccount>("default", "robot");
  EXPECT_EQ(claims->service_account_uid, account->metadata().uid());
  EXPECT_EQ(claims->secret, "key");
  EXPECT_EQ(Get<core::Secret>("default", "key")
                ->metadata()
                .annotations()
                .at("kubernetes.io/service-account.uid"),
            account->metadata().uid());
  // What somebody takes out comes back; the token that is there stays.
  Patch<core::Secret>("default", "key", R"({"data":{"ca.crt":"Zm9v","namespace":null}})");
  EXPECT_TRUE(Eventually(
      [&] { return DataOf("key", "ca.crt") == "PEM" && DataOf("key", "namespace") == "default"; }));
  EXPECT_EQ(DataOf("key", "token"), token);
  Create<core::Secret>("default", R"({"metadata":{"name":"plain","annotations":{)"
                                  R"("kubernetes.io/service-account.name":"robot"}}})");
  EXPECT_TRUE(Never([&] { return !DataOf("plain", "token").empty(); }, 5s));
}

TEST_F(AccountsTest, TokenSecretsGoWithTheirAccount) {
  Create<core::ServiceAccount>("default", R"({"metadata":{"name":"robot"}})");
  Make("key", "robot");
  ASSERT_TRUE(Eventually([&] { return !DataOf("key", "token").empty(); }));
  Delete<core::ServiceAccount>("default", "robot");
  // Another account of that name is another.
  Create<core::ServiceAccount>("default", R"({"metadata":{"name":"robot"}})");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Secret>("default", "key"); }));
  Make("nobodys", "nobody");
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Secret>("default", "nobodys"); }));
  EXPECT_TRUE(Exists<core::ServiceAccount>("default", "robot"));
}

}  // namespace
}  // namespace wherry::sim
