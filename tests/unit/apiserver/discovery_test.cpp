#include "tests/unit/apiserver/api_fixture.h"

#include <algorithm>
#include <functional>
#include <set>

namespace wherry::apiserver {
namespace {

using Documents = ApiFixture;

const nlohmann::json* Named(const nlohmann::json& list, const char* key, const std::string& name) {
  for (const auto& item : list) {
    if (item[key] == name) return &item;
  }
  return nullptr;
}

// The legacy documents name groups, versions, resources, subresources and their verbs.
TEST_F(Documents, Legacy) {
  EXPECT_EQ(Get("/api").body["versions"][0], "v1");
  Answer groups = Get("/apis");
  EXPECT_EQ(groups.body["kind"], "APIGroupList");
  const auto* apps = Named(groups.body["groups"], "name", "apps");
  ASSERT_NE(apps, nullptr);
  EXPECT_EQ((*apps)["preferredVersion"]["groupVersion"], "apps/v1");
  EXPECT_EQ(Get("/apis/apps").body["kind"], "APIGroup");
  Answer core = Get("/api/v1");
  EXPECT_EQ(core.body["kind"], "APIResourceList");
  const auto* pods = Named(core.body["resources"], "name", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ((*pods)["kind"], "Pod");
  EXPECT_EQ((*pods)["shortNames"][0], "po");
  EXPECT_EQ((*pods)["namespaced"], true);
  for (const char* part : {"pods/status", "pods/binding", "pods/log", "namespaces/status"}) {
    EXPECT_NE(Named(core.body["resources"], "name", part), nullptr) << part;
  }
  Answer apps_v1 = Get("/apis/apps/v1");
  const auto* scale = Named(apps_v1.body["resources"], "name", "deployments/scale");
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ((*scale)["group"], "autoscaling");
  EXPECT_EQ(Get("/apis/nope").status, 404);
  EXPECT_EQ(Get("/apis/apps/v9").status, 404);
}

// The aggregated document comes with an ETag that saves the second reading.
TEST_F(Documents, Aggregated) {
  std::string accept =
      "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
  Answer answer = Ask("GET", "/apis", "", "", accept);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["kind"], "APIGroupDiscoveryList");
  EXPECT_EQ(answer.headers.Get("Content-Type"),
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList");
  http::Request again;
  again.target = "/apis";
  again.headers.Set("Accept", accept);
  again.headers.Set("Authorization", "Bearer admin-token");
  again.headers.Set("If-None-Match", std::string(answer.headers.Get("ETag")));
  EXPECT_EQ(Send(std::move(again)).status, 304);
}

// Reviews answer and store nothing.
TEST_F(Documents, Reviews) {
  std::string own = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  std::string ask = R"({"spec":{"resourceAttributes":{"verb":"delete","resource":"nodes"}}})";
  EXPECT_EQ(Post(own, ask).body["status"]["allowed"], true);
  Answer nobody = Ask("POST", own, ask, "application/json", "", "nobody-token");
  EXPECT_EQ(nobody.status, 201) << nobody.text;
  EXPECT_EQ(nobody.body["status"]["allowed"], false);
  EXPECT_EQ(Post(own, R"({"spec":{}})").status, 422);
  EXPECT_EQ(Get(own).status, 405);
  EXPECT_EQ(
      Ask("POST", own, ask, "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io")
          .status,
      406);
  Answer node = Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                     R"({"spec":{"user":"system:node:n1","groups":["system:nodes"],)"
                     R"("resourceAttributes":{"verb":"get","resource":"pods"}}})");
  EXPECT_EQ(node.body["status"]["allowed"], true);
  Answer token =
      Post("/apis/authentication.k8s.io/v1/tokenreviews", R"({"spec":{"token":"node-token"}})");
  EXPECT_EQ(token.body["status"]["authenticated"], true) << token.text;
  EXPECT_EQ(token.body["status"]["user"]["username"], "system:node:n1");
  EXPECT_NE(Named(Get("/apis/authorization.k8s.io/v1").body["resources"], "name",
                  "selfsubjectaccessreviews"),
            nullptr);
}

TEST_F(Documents, VersionAndHealth) {
  nlohmann::json version = Get("/version").body;
  EXPECT_EQ(version["gitVersion"], "v1.28.0+wherry-0.1.0");
  EXPECT_GT(version["buildDate"].get<std::string>(), "2020-01-01");
  EXPECT_EQ(version["platform"].get<std::string>().find("linux/"), 0u);
  EXPECT_FALSE(version["compiler"].get<std::string>().empty());
  EXPECT_EQ(Get("/readyz").text, "ok");
  EXPECT_NE(Get("/readyz?verbose").text.find("[+]ping ok"), std::string::npos);
  EXPECT_EQ(Get("/livez/ping").text, "ok");
  EXPECT_EQ(Get("/nothing").status, 404);
  EXPECT_NE(Get("/metrics").text.find("apiserver_request_total"), std::string::npos);
}

// Every $ref of both OpenAPI forms leads somewhere; kinds say which they are.
// Who has a document already is told so.
TEST_F(Documents, OpenApiTags) {
  for (const char* path : {"/openapi/v2", "/openapi/v3/apis/apps/v1"}) {
    Answer first = Get(path);
    ASSERT_EQ(first.status, 200) << path;
    http::Request again;
    again.target = path;
    again.headers.Set("Authorization", "Bearer admin-token");
    again.headers.Set("If-None-Match", std::string(first.headers.Get("ETag")));
    http::Response same = Send(std::move(again));
    EXPECT_EQ(same.status, 304) << path;
    EXPECT_TRUE(same.body.empty() && same.shared_body == nullptr);
    EXPECT_EQ(Get(path).text, first.text);
  }
  EXPECT_EQ(Get("/openapi/v3/apis/none/v1").status, 404);
}

// Both forms of discovery name the same resources and verbs.
TEST_F(Documents, FormsOfDiscoveryAgree) {
  auto list = Get("/api/v1").body["resources"];
  auto groups = Ask("GET", "/api", "", "",
                    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
                    .body["items"];
  std::map<std::string, nlohmann::json> legacy;
  for (const auto& one : list) {
    std::string name = one["name"];
    if (name.find('/') == std::string::npos) legacy[name] = one["verbs"];
  }
  std::map<std::string, nlohmann::json> aggregated;
  for (const auto& one : groups[0]["versions"][0]["resources"]) {
    aggregated[one["resource"]] = one["verbs"];
  }
  EXPECT_EQ(legacy, aggregated);
  EXPECT_EQ(legacy["bindings"], nlohmann::json::array({"create"}));
  nlohmann::json no_collection = {"create", "delete", "get", "list", "patch", "update", "watch"};
  EXPECT_EQ(legacy["namespaces"], no_collection);
}

TEST_F(Documents, OpenApi) {
  Answer v2 = Get("/openapi/v2");
  ASSERT_EQ(v2.status, 200);
  const auto& definitions = v2.body["definitions"];
  ASSERT_TRUE(definitions.contains("io.k8s.api.core.v1.Pod"));
  const auto& pod = definitions["io.k8s.api.core.v1.Pod"];
  EXPECT_EQ(pod["x-kubernetes-group-version-kind"][0]["kind"], "Pod");
  const auto& spec = definitions["io.k8s.api.core.v1.PodSpec"];
  EXPECT_EQ(spec["properties"]["containers"]["x-kubernetes-patch-merge-key"], "name");
  EXPECT_EQ(spec["required"][0], "containers");
  std::set<std::string> missing;
  std::function<void(const nlohmann::json&, const std::string&, const nlohmann::json&)> check =
      [&](const nlohmann::json& node, const std::string& root, const nlohmann::json& known) {
        if (node.is_object() && node.contains("$ref") && node["$ref"].is_string()) {
          std::string name = node["$ref"].get<std::string>().substr(root.size());
          if (!known.contains(name)) missing.insert(name);
        }
        if (node.is_structured()) {
          for (const auto& child : node) check(child, root, known);
        }
      };
  check(definitions, "#/definitions/", definitions);
  EXPECT_TRUE(missing.empty()) << *missing.begin();
  Answer index = Get("/openapi/v3");
  std::string url = index.body["paths"]["apis/apps/v1"]["serverRelativeURL"];
  Answer v3 = Get(url);
  ASSERT_EQ(v3.status, 200);
  EXPECT_EQ(v3.body["openapi"], "3.0.0");
  const auto& schemas = v3.body["components"]["schemas"];
  EXPECT_TRUE(schemas.contains("io.k8s.api.apps.v1.Deployment"));
  EXPECT_EQ(schemas["io.k8s.api.core.v1.Container"]["properties"]["imagePullPolicy"]["enum"],
            nlohmann::json({"Always", "IfNotPresent", "Never"}));
  check(schemas, "#/components/schemas/", schemas);
  EXPECT_TRUE(missing.empty()) << *missing.begin();
  EXPECT_TRUE(v3.body["paths"].contains("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"));
  Answer protobuf = Ask("GET", "/openapi/v2", "", "",
                        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
  EXPECT_EQ(protobuf.text.substr(0, 5), std::string("\x0a\x03") + "2.0");
  EXPECT_NE(protobuf.text.find("io.k8s.api.core.v1.Pod"), std::string::npos);
}

}  // namespace
}  // namespace wherry::apiserver
