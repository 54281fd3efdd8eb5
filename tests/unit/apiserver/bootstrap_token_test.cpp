#include "lib/api/bootstrap_token.h"

#include "lib/api/time.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using nlohmann::json;

constexpr const char* kSecrets = "/api/v1/namespaces/kube-system/secrets";
constexpr const char* kSecret = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef";
constexpr const char* kToken = "abcdef.0123456789abcdef";
constexpr const char* kRequests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

class BootstrapTokenTest : public ApiFixture {
 protected:
  static json Secret() {
    return {{"metadata", {{"name", "bootstrap-token-abcdef"}}},
            {"type", "bootstrap.kubernetes.io/token"},
            {"stringData",
             {{"token-id", "abcdef"},
              {"token-secret", "0123456789abcdef"},
              {"usage-bootstrap-authentication", "true"}}}};
  }
  int StatusWith(const std::string& token) {
    return Ask("GET", kRequests, "", "", "", token).status;
  }
  // The token's status once the Secret is there in the given form.
  int StatusOf(const json& secret) {
    const Answer made = Post(kSecrets, secret.dump());
    EXPECT_EQ(made.status, 201) << made.text;
    const int status = StatusWith(kToken);
    EXPECT_EQ(Ask("DELETE", kSecret).status, 200);
    return status;
  }
};

// A token is good from the Secret's creation to its deletion, for what joining nodes need.
TEST_F(BootstrapTokenTest, LivesAsLongAsItsSecret) {
  EXPECT_EQ(StatusWith(kToken), 401);
  ASSERT_EQ(Post(kSecrets, Secret().dump()).status, 201);
  EXPECT_EQ(StatusWith(kToken), 200);
  EXPECT_EQ(Ask("GET", kSecret, "", "", "", kToken).status, 403);
  EXPECT_EQ(StatusWith("abcdef.0123456789abcdee"), 401);
  EXPECT_EQ(StatusWith("abcdeg.0123456789abcdef"), 401);
  const Answer review = Post("/apis/authentication.k8s.io/v1/tokenreviews",
                             json{{"spec", {{"token", kToken}}}}.dump());
  EXPECT_EQ(review.body["status"]["user"]["username"], "system:bootstrap:abcdef") << review.text;
  ASSERT_EQ(Ask("DELETE", kSecret).status, 200);
  EXPECT_EQ(StatusWith(kToken), 401);
}

// Its last second is its last, whether or not anybody has removed it.
TEST_F(BootstrapTokenTest, Expires) {
  json secret = Secret();
  secret["stringData"]["expiration"] =
      api::FormatTime(sim_.world().clock.Now() + std::chrono::seconds(60));
  ASSERT_EQ(Post(kSecrets, secret.dump()).status, 201);
  sim_.Advance(std::chrono::seconds(58));
  EXPECT_EQ(StatusWith(kToken), 200);
  sim_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(StatusWith(kToken), 401);
}

TEST_F(BootstrapTokenTest, OnlyWhatIsMeantForAuthentication) {
  EXPECT_EQ(StatusOf(Secret()), 200);
  json secret = Secret();
  secret["stringData"].erase("usage-bootstrap-authentication");
  EXPECT_EQ(StatusOf(secret), 401);
  secret = Secret();
  secret["type"] = "Opaque";
  EXPECT_EQ(StatusOf(secret), 401);
  secret = Secret();
  secret["stringData"]["auth-extra-groups"] = "system:masters";
  EXPECT_EQ(StatusOf(secret), 401);
  secret = Secret();
  secret["stringData"]["token-id"] = "abcdeg";
  EXPECT_EQ(StatusOf(secret), 401);
  secret = Secret();
  secret["metadata"]["finalizers"] = {"test/held"};
  ASSERT_EQ(Post(kSecrets, secret.dump()).status, 201);
  EXPECT_EQ(StatusWith(kToken), 200);
  ASSERT_EQ(Ask("DELETE", kSecret).status, 200);
  ASSERT_EQ(Get(kSecret).status, 200);
  EXPECT_EQ(StatusWith(kToken), 401) << "it is being deleted";
}

}  // namespace
}  // namespace wherry::apiserver
