#include "lib/api/base64.h"
#include "lib/api/legacy_token.h"
#include "lib/http/jwt.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <gmock/gmock.h>

namespace wherry::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kTokenPath = "/api/v1/namespaces/default/serviceaccounts/default/token";

class ServiceAccountTokenTest : public ApiFixture {
 protected:
  // A pod on that node; its uid.
  std::string MakePod(const std::string& name, const std::string& node) {
    json pod = json::parse(PodJson(name));
    pod["spec"]["nodeName"] = node;
    Answer made = Post(std::string(kPods), pod.dump());
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body["metadata"]["uid"];
  }
  Answer AskForToken(const json& spec, const std::string& who = "admin-token") {
    return Ask("POST", kTokenPath, json{{"spec", spec}}.dump(), "application/json", "", who);
  }
  static json Bound(const std::string& pod, const std::string& uid) {
    return {
        {"boundObjectRef", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", pod}, {"uid", uid}}}};
  }
  int StatusOf(const std::string& token, const std::string& target) {
    return Ask("GET", target, "", "", "", token).status;
  }
};

TEST_F(ServiceAccountTokenTest, PodsGetTheVolumeByDefault) {
  MakePod("web", "n1");
  const json spec = Get(std::string(kPods) + "/web").body["spec"];
  ASSERT_EQ(spec["volumes"].size(), 1U);
  EXPECT_THAT(spec["volumes"][0]["name"].get<std::string>(),
              ::testing::StartsWith("kube-api-access-"));
  EXPECT_EQ(spec["containers"][0]["volumeMounts"][0]["mountPath"],
            "/var/run/secrets/kubernetes.io/serviceaccount");
}

TEST_F(ServiceAccountTokenTest, ATokenDiesWithItsPod) {
  const std::string uid = MakePod("web", "n1");
  const std::string token = AskForToken(Bound("web", uid)).body["status"]["token"];
  EXPECT_EQ(StatusOf(token, "/api"), 200);
  ASSERT_EQ(Ask("DELETE", std::string(kPods) + "/web", R"({"gracePeriodSeconds":0})").status, 200);
  EXPECT_EQ(StatusOf(token, "/api"), 401);
  // Another pod of that name is another pod.
  MakePod("web", "n1");
  EXPECT_EQ(StatusOf(token, "/api"), 401);
}

// A pod that waits for its node to end it has no right to the API for ever.
TEST_F(ServiceAccountTokenTest, ATokenDiesAMinuteAfterItsPodShouldBeGone) {
  const std::string uid = MakePod("web", "n1");
  const std::string token = AskForToken(Bound("web", uid)).body["status"]["token"];
  ASSERT_EQ(Ask("DELETE", std::string(kPods) + "/web", R"({"gracePeriodSeconds":30})").status, 200);
  sim_.Advance(std::chrono::seconds(85));
  EXPECT_EQ(StatusOf(token, "/api"), 200);
  sim_.Advance(std::chrono::seconds(10));
  EXPECT_EQ(StatusOf(token, "/api"), 401);
}

// Until roles are objects an account may look around and nothing else.
TEST_F(ServiceAccountTokenTest, AnAccountMayDiscoverAndNothingElse) {
  const std::string token = AskForToken(json::object()).body["status"]["token"];
  for (const char* path : {"/version", "/api", "/apis", "/apis/apps/v1", "/openapi/v2"})
    EXPECT_EQ(StatusOf(token, path), 200) << path;
  for (const char* path :
       {"/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/secrets", "/api/v1/nodes",
        "/api/v1/namespaces/default/serviceaccounts/default", "/metrics"})
    EXPECT_EQ(StatusOf(token, path), 403) << path;
  Answer own = Ask("POST", kTokenPath, "{}", "application/json", "", token);
  EXPECT_EQ(own.status, 403);
  EXPECT_THAT(own.body["message"].get<std::string>(),
              HasSubstr(R"(User "system:serviceaccount:default:default" cannot create resource)"));
  Answer review = Ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})",
                      "application/json", "", token);
  EXPECT_EQ(review.status, 201) << review.text;
  EXPECT_EQ(review.body["status"]["allowed"], false);
}

// A token without end holds as long as the Secret that holds it, and its account.
TEST_F(ServiceAccountTokenTest, ATokenInASecretLivesAsLongAsThat) {
  const std::string root = "/api/v1/namespaces/default/";
  const std::string account = root + "serviceaccounts/default";
  const std::string uid = Get(account).body["metadata"]["uid"];
  auto sign = [&](const std::string& account_uid) {
    const api::LegacyTokenClaims claims{.ns = "default",
                                        .service_account = "default",
                                        .service_account_uid = account_uid,
                                        .secret = "key"};
    return http::SignJwt(SigningKey(), api::LegacyClaimsDocument(claims).dump()).value();
  };
  auto keep = [&](const std::string& token) {
    std::string encoded;
    api::AppendBase64(encoded, token);
    json secret = {{"metadata", {{"name", "key"}}}, {"data", {{"token", encoded}}}};
    secret["metadata"]["annotations"] = {{"kubernetes.io/service-account.name", "default"}};
    secret["type"] = "kubernetes.io/service-account-token";
    Ask("DELETE", root + "secrets/key");
    ASSERT_EQ(Post(root + "secrets", secret.dump()).status, 201);
  };
  const std::string token = sign(uid);
  EXPECT_EQ(StatusOf(token, "/api"), 401) << "signed well, and not kept";
  keep(token);
  EXPECT_EQ(StatusOf(token, "/api"), 200);
  sim_.Advance(std::chrono::hours(3));
  EXPECT_EQ(StatusOf(token, "/api"), 200);
  json review = {{"spec", {{"token", token}, {"audiences", {"vault"}}}}};
  const std::string reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
  EXPECT_NE(Post(reviews, review.dump()).body["status"].value("authenticated", false), true);
  review["spec"].erase("audiences");
  Answer reviewed = Post(reviews, review.dump());
  EXPECT_EQ(reviewed.body["status"]["user"]["username"], "system:serviceaccount:default:default");
  EXPECT_EQ(reviewed.body["status"]["user"]["uid"], uid);
  keep(sign("another"));
  EXPECT_EQ(StatusOf(token, "/api"), 401) << "the Secret holds another";
  EXPECT_EQ(StatusOf(sign("another"), "/api"), 401) << "of another account";
  keep(token);
  EXPECT_EQ(StatusOf(token, "/api"), 200);
  ASSERT_EQ(Ask("DELETE", root + "secrets/key").status, 200);
  EXPECT_EQ(StatusOf(token, "/api"), 401);
  keep(token);
  ASSERT_EQ(Ask("DELETE", account).status, 200);
  EXPECT_EQ(StatusOf(token, "/api"), 401);
}

TEST_F(ServiceAccountTokenTest, ANodeGetsTokensOfItsOwnPodsOnly) {
  const std::string own = MakePod("own", "n1");
  const std::string other = MakePod("other", "n2");
  EXPECT_EQ(AskForToken(Bound("own", own), "node-token").status, 201);
  struct Case {
    json spec;
    std::string why;
  };
  const std::vector<Case> cases = {
      {json::object(), "node requested token not bound to a pod"},
      {Bound("own", ""), "node requested token with a pod binding without a uid"},
      {Bound("other", other), "node requested token bound to a pod scheduled on a different node"},
      {Bound("own", other), "does not match the UID in record"},
  };
  for (const Case& one : cases) {
    Answer answer = AskForToken(one.spec, "node-token");
    EXPECT_EQ(answer.status, 403) << answer.text;
    EXPECT_THAT(answer.body["message"].get<std::string>(),
                HasSubstr("serviceaccounts \"default\" is forbidden: "));
    EXPECT_THAT(answer.body["message"].get<std::string>(), HasSubstr(one.why));
  }
  EXPECT_EQ(AskForToken(Bound("none", own), "node-token").status, 404);
  EXPECT_EQ(AskForToken(json::object(), "nobody-token").status, 403);
}

}  // namespace
}  // namespace wherry::apiserver
