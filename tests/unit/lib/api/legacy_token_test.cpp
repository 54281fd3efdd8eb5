#include "lib/api/legacy_token.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wherry::api {
namespace {

TEST(LegacyTokenTest, SaysWhoItIsOf) {
  const LegacyTokenClaims claims{
      .ns = "n", .service_account = "robot", .service_account_uid = "u", .secret = "s"};
  const json::Value document = LegacyClaimsDocument(claims);
  EXPECT_EQ(document["sub"], "system:serviceaccount:n:robot");
  EXPECT_FALSE(document.contains("exp"));
  const auto read = ReadLegacyClaims(document);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->ns, "n");
  EXPECT_EQ(read->service_account, "robot");
  EXPECT_EQ(read->service_account_uid, "u");
  EXPECT_EQ(read->secret, "s");
}

// Each claim counts, and the subject is the account that the others name.
TEST(LegacyTokenTest, RefusesHalfTokens) {
  const LegacyTokenClaims claims{
      .ns = "n", .service_account = "robot", .service_account_uid = "u", .secret = "s"};
  const json::Value whole = LegacyClaimsDocument(claims);
  for (const auto& [name, value] : whole.items()) {
    json::Value document = whole;
    document.erase(name);
    EXPECT_FALSE(ReadLegacyClaims(document).ok()) << name;
    document[name] = 7;
    EXPECT_FALSE(ReadLegacyClaims(document).ok()) << name;
  }
  json::Value other = whole;
  other["sub"] = "system:serviceaccount:kube-system:robot";
  EXPECT_FALSE(ReadLegacyClaims(other).ok());
  EXPECT_FALSE(ReadLegacyClaims(json::Value::array()).ok());
}

}  // namespace
}  // namespace wherry::api
