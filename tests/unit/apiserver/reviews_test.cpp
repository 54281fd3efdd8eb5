#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using nlohmann::json;

class Reviews : public ApiFixture {
 protected:
  Answer ReviewToken(const json& spec) {
    return Post("/apis/authentication.k8s.io/v1/tokenreviews", json{{"spec", spec}}.dump());
  }
  std::string AccountToken(const json& audiences) {
    Answer made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                       json{{"spec", {{"audiences", audiences}}}}.dump());
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body["status"]["token"];
  }
  Answer As(const std::string& token, const std::string& target, const json& body) {
    return Ask("POST", target, body.dump(), "application/json", "", token);
  }
};

constexpr const char* kIssuer = "https://kubernetes.default.svc.cluster.local";

// A token is reviewed towards those who ask, and told for whom of them it is meant.
TEST_F(Reviews, TokensHaveAudiences) {
  std::string vault = AccountToken({"vault", "other"});
  Answer meant = ReviewToken({{"token", vault}, {"audiences", {"vault", "db"}}});
  ASSERT_EQ(meant.status, 201) << meant.text;
  EXPECT_EQ(meant.body["status"]["authenticated"], true);
  EXPECT_EQ(meant.body["status"]["audiences"], json::array({"vault"}));
  EXPECT_EQ(meant.body["status"]["user"]["username"], "system:serviceaccount:default:default");
  for (const json& spec : {json{{"token", vault}}, json{{"token", vault}, {"audiences", {"db"}}}}) {
    json status = ReviewToken(spec).body["status"];
    EXPECT_FALSE(status.value("authenticated", false)) << status;
    EXPECT_EQ(status["error"], "invalid bearer token");
  }
  std::string own = AccountToken(json::array());
  json status = ReviewToken({{"token", own}}).body["status"];
  EXPECT_EQ(status["authenticated"], true);
  EXPECT_EQ(status["audiences"], json::array({kIssuer}));
  EXPECT_FALSE(ReviewToken({{"token", own}, {"audiences", {"vault"}}})
                   .body["status"]
                   .value("authenticated", false));
}

TEST_F(Reviews, FixedTokensAreForThisServer) {
  json status = ReviewToken({{"token", "node-token"}}).body["status"];
  EXPECT_EQ(status["user"]["username"], "system:node:n1");
  EXPECT_EQ(status["user"]["groups"], (json{"system:nodes", "system:authenticated"}));
  EXPECT_EQ(status["audiences"], json::array({kIssuer}));
  EXPECT_FALSE(ReviewToken({{"token", "node-token"}, {"audiences", {"vault"}}})
                   .body["status"]
                   .value("authenticated", false));
  Answer empty = ReviewToken({{"token", ""}});
  EXPECT_EQ(empty.status, 400) << empty.text;
}

// What else is known of a user is told too.
TEST_F(Reviews, ExtraOfBoundTokens) {
  Answer pod = Post(std::string(kPods), PodJson("p"));
  ASSERT_EQ(pod.status, 201) << pod.text;
  json bound = {
      {"kind", "Pod"}, {"apiVersion", "v1"}, {"name", "p"}, {"uid", pod.body["metadata"]["uid"]}};
  Answer made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                     json{{"spec", {{"boundObjectRef", bound}}}}.dump());
  ASSERT_EQ(made.status, 201) << made.text;
  json status = ReviewToken({{"token", made.body["status"]["token"]}}).body["status"];
  EXPECT_EQ(status["user"]["extra"]["authentication.kubernetes.io/pod-name"], json::array({"p"}));
}

// kubectl auth whoami.
TEST_F(Reviews, WhoAsks) {
  Answer self =
      As("node-token", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json::object());
  ASSERT_EQ(self.status, 201) << self.text;
  EXPECT_EQ(self.body["kind"], "SelfSubjectReview");
  EXPECT_EQ(self.body["status"]["userInfo"]["username"], "system:node:n1");
  EXPECT_EQ(self.body["status"]["userInfo"]["groups"],
            (json{"system:nodes", "system:authenticated"}));
}

// kubectl auth can-i --list.
TEST_F(Reviews, WhatOneMay) {
  constexpr const char* kPath = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
  Answer admin = As("admin-token", kPath, {{"spec", {{"namespace", "default"}}}});
  ASSERT_EQ(admin.status, 201) << admin.text;
  json everything = {{"verbs", {"*"}}, {"apiGroups", {"*"}}, {"resources", {"*"}}};
  EXPECT_EQ(admin.body["status"]["resourceRules"][0], everything);
  EXPECT_EQ(admin.body["status"]["incomplete"], false);
  json paths = {{"verbs", {"*"}}, {"nonResourceURLs", {"*"}}};
  EXPECT_EQ(admin.body["status"]["nonResourceRules"][0], paths);
  Answer nobody = As("nobody-token", kPath, {{"spec", {{"namespace", "default"}}}});
  ASSERT_EQ(nobody.status, 201) << nobody.text;
  EXPECT_EQ(nobody.body["status"]["resourceRules"].size(), 2u) << "reviews of oneself";
  EXPECT_EQ(As("admin-token", kPath, {{"spec", json::object()}}).status, 400);
}

// A question about one namespace is asked in it.
TEST_F(Reviews, LocalAccess) {
  std::string path = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
  auto ask = [&](const std::string& ns, const std::string& user) {
    json attributes = {{"namespace", ns}, {"verb", "get"}, {"resource", "pods"}};
    return Post(path, json{{"metadata", {{"namespace", "default"}}},
                           {"spec", {{"user", user}, {"resourceAttributes", attributes}}}}
                          .dump());
  };
  Answer scheduler = ask("default", "system:kube-scheduler");
  ASSERT_EQ(scheduler.status, 201) << scheduler.text;
  EXPECT_EQ(scheduler.body["status"]["allowed"], true);
  EXPECT_EQ(ask("default", "nobody").body["status"]["allowed"], false);
  EXPECT_EQ(ask("other", "nobody").status, 400);
  EXPECT_EQ(Get(path).status, 405);
}

// A question about nobody has no answer.
TEST_F(Reviews, AboutSomebody) {
  const std::string root = "/apis/authorization.k8s.io/v1/";
  const json pods = {{"namespace", "default"}, {"verb", "get"}, {"resource", "pods"}};
  auto refused = [&](const std::string& path, const json& review, const std::string& field) {
    Answer answer = Post(root + path, review.dump());
    EXPECT_EQ(answer.status, 422) << answer.text;
    EXPECT_EQ(answer.body["details"]["causes"][0]["field"], field) << answer.text;
  };
  json nobody = {{"spec", {{"resourceAttributes", pods}}}};
  refused("subjectaccessreviews", nobody, "spec.user");
  refused("namespaces/default/localsubjectaccessreviews", nobody, "spec.user");
  json named = {{"metadata", {{"name", "x"}}},
                {"spec", {{"user", "u"}, {"resourceAttributes", pods}}}};
  refused("subjectaccessreviews", named, "metadata");
  refused("selfsubjectaccessreviews", named, "metadata");
  refused("namespaces/default/localsubjectaccessreviews", named, "metadata");
  json both = {{"spec", {{"user", "u"}, {"resourceAttributes", pods}}}};
  both["spec"]["nonResourceAttributes"] = {{"path", "/"}, {"verb", "get"}};
  refused("subjectaccessreviews", both, "spec.nonResourceAttributes");
  json group = {{"spec", {{"groups", {"g"}}, {"resourceAttributes", pods}}}};
  EXPECT_EQ(Post(root + "subjectaccessreviews", group.dump()).status, 201);
}

// A certificate that does not count leaves the word to the token.
TEST_F(Reviews, ACertificateBesideAToken) {
  http::Request request;
  request.target = "/api/v1/nodes";
  request.tls_client_certificate_pem = "of somebody else";
  request.headers.Set("Authorization", "Bearer admin-token");
  EXPECT_EQ(Send(std::move(request)).status, 200);
  http::Request bare;
  bare.target = "/api/v1/nodes";
  bare.tls_client_certificate_pem = "of somebody else";
  EXPECT_EQ(Send(std::move(bare)).status, 401);
}

// A store that refuses writes makes the server neither ready nor alive.
TEST_F(Reviews, HealthOfTheStore) {
  for (const char* path : {"/healthz", "/livez", "/readyz"}) EXPECT_EQ(Get(path).status, 200);
  sim_.SetFault("storage.health", 1);
  for (const char* path : {"/healthz", "/livez", "/readyz"}) EXPECT_EQ(Get(path).status, 500);
  EXPECT_EQ(Get("/readyz/storage").status, 500);
  EXPECT_EQ(Get("/readyz/ping").status, 200);
  EXPECT_EQ(Get("/livez?exclude=ping&exclude=storage").status, 200);
  Answer unknown = Get("/livez?verbose&exclude=storage&exclude=nonsense");
  EXPECT_NE(unknown.text.find("no matches for \"nonsense\""), std::string::npos) << unknown.text;
}

// Which objects a node may read depends on its pods: no list of rules says that.
TEST_F(Reviews, RulesOfANodeAreNotAll) {
  const json asked = {{"spec", {{"namespace", "default"}}}};
  const std::string path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
  json status = As("node-token", path, asked).body["status"];
  EXPECT_EQ(status["incomplete"], true) << status;
  EXPECT_EQ(status["evaluationError"], "node authorizer does not support user rule resolution");
  EXPECT_FALSE(status["resourceRules"].empty());
  status = As("admin-token", path, asked).body["status"];
  EXPECT_EQ(status["incomplete"], false) << status;
  EXPECT_FALSE(status.contains("evaluationError")) << status;
}

}  // namespace
}  // namespace wherry::apiserver
