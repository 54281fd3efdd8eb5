#include "lib/http/jwt.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using nlohmann::json;

constexpr const char* kConfigurationPath = "/.well-known/openid-configuration";

class OpenIdTest : public ApiFixture {
 protected:
  // A member of a token's header or claims.
  json PartOf(const std::string& token, size_t part) {
    std::string rest = token;
    for (size_t i = 0; i < part; ++i) rest = rest.substr(rest.find('.') + 1);
    return json::parse(*http::Base64UrlDecode(rest.substr(0, rest.find('.'))));
  }
};

TEST_F(OpenIdTest, DocumentsDescribeTheTokensThatAreIssued) {
  const std::string token = Post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}")
                                .body["status"]["token"];
  const json configuration = Get(kConfigurationPath).body;
  EXPECT_EQ(configuration["issuer"], PartOf(token, 1)["iss"]);
  EXPECT_EQ(configuration["jwks_uri"], "https://10.0.0.1:6443/openid/v1/jwks");
  EXPECT_EQ(configuration["response_types_supported"], json::array({"id_token"}));
  EXPECT_EQ(configuration["subject_types_supported"], json::array({"public"}));
  EXPECT_EQ(configuration["id_token_signing_alg_values_supported"],
            json::array({PartOf(token, 0)["alg"]}));

  const json keys = Get("/openid/v1/jwks").body["keys"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0]["kid"], PartOf(token, 0)["kid"]);
  EXPECT_EQ(keys[0]["alg"], PartOf(token, 0)["alg"]);
  EXPECT_FALSE(keys[0].contains("d")) << "the private half";
}

TEST_F(OpenIdTest, DocumentsHaveTheirMediaTypesAndMayBeCached) {
  const Answer configuration = Get(kConfigurationPath);
  EXPECT_EQ(configuration.headers.Get("Content-Type"), "application/json");
  EXPECT_EQ(configuration.headers.Get("Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(Get("/openid/v1/jwks").headers.Get("Content-Type"), "application/jwk-set+json");
}

TEST_F(OpenIdTest, ServiceAccountsMayReadThemAndNobodyElseWithoutAName) {
  const std::string token = Post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}")
                                .body["status"]["token"];
  for (const char* path : {kConfigurationPath, "/openid/v1/jwks"}) {
    EXPECT_EQ(Ask("GET", path, "", "", "", token).status, 200);
    EXPECT_EQ(Ask("GET", path, "", "", "", "no-token").status, 401);
    EXPECT_EQ(Ask("POST", path, "{}").status, 405);
  }
}

}  // namespace
}  // namespace wherry::apiserver
