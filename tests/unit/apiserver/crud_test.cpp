#include "lib/api/codec.h"
#include "proto/api/core/v1.pb.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";

using Crud = ApiFixture;

// A created object comes back with what the server adds, and GET shows the same bytes.
TEST_F(Crud, CreateAndGet) {
  Answer created = Post(kConfigMaps, ConfigMapJson("a"));
  ASSERT_EQ(created.status, 201) << created.text;
  const auto& metadata = created.body["metadata"];
  EXPECT_EQ(created.body["kind"], "ConfigMap");
  EXPECT_EQ(created.body["apiVersion"], "v1");
  EXPECT_EQ(metadata["namespace"], "default");
  EXPECT_EQ(metadata["uid"].get<std::string>().size(), 36u);
  EXPECT_FALSE(metadata["resourceVersion"].get<std::string>().empty());
  EXPECT_TRUE(metadata.contains("creationTimestamp"));
  Answer read = Get(std::string(kConfigMaps) + "/a");
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.text, created.text);
  EXPECT_EQ(read.headers.Get("Content-Type"), "application/json");
}

// Refusals carry the Status that clients act on.
TEST_F(Crud, Refusals) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  struct Case {
    const char* what;
    std::string method, target, body;
    int status;
    const char* reason;
    const char* message;
  };
  std::string one = std::string(kConfigMaps) + "/a";
  const std::vector<Case> cases = {
      {"exists", "POST", kConfigMaps, ConfigMapJson("a"), 409, "AlreadyExists",
       "configmaps \"a\" already exists"},
      {"absent", "GET", std::string(kConfigMaps) + "/b", "", 404, "NotFound",
       "configmaps \"b\" not found"},
      {"no namespace", "POST", "/api/v1/namespaces/nope/configmaps", ConfigMapJson("x"), 404,
       "NotFound", "namespaces \"nope\" not found"},
      {"malformed", "POST", kConfigMaps, "{\"metadata\":", 400, "BadRequest",
       "the object provided is unrecognized (must be of type ConfigMap)"},
      {"other kind", "POST", kConfigMaps, R"({"apiVersion":"v1","kind":"Pod","metadata":{}})", 400,
       "BadRequest", "cannot be handled as a ConfigMap"},
      {"other version", "POST", kConfigMaps,
       R"({"apiVersion":"v2","kind":"ConfigMap","metadata":{}})", 400, "BadRequest",
       "the API version in the data (v2) does not match the expected API version (v1)"},
      {"wrong type", "POST", kConfigMaps, R"({"metadata":{"name":7}})", 400, "BadRequest",
       "cannot unmarshal"},
      {"no name", "POST", kConfigMaps, R"({"metadata":{}})", 422, "Invalid",
       "name or generateName is required"},
      {"bad name", "POST", kConfigMaps, ConfigMapJson("A_b"), 422, "Invalid",
       "metadata.name: Invalid value: \"A_b\""},
      {"other namespace", "POST", kConfigMaps, R"({"metadata":{"name":"x","namespace":"other"}})",
       400, "BadRequest", "does not match the namespace sent on the request"},
      {"renamed", "PUT", one, ConfigMapJson("b"), 400, "BadRequest",
       "the name of the object (b) does not match the name on the URL (a)"},
      {"no object in the array", "POST", kConfigMaps, "[]", 400, "BadRequest", "unrecognized"},
      {"dry run", "POST", std::string(kConfigMaps) + "?dryRun=Some", ConfigMapJson("x"), 422,
       "Invalid", "dryRun"},
      {"strict", "POST", std::string(kConfigMaps) + "?fieldValidation=Strict",
       R"({"metadata":{"name":"x"},"foo":1})", 400, "BadRequest", "unknown field \"foo\""},
      {"method", "POST", one, ConfigMapJson("a"), 405, "MethodNotAllowed", "method"},
  };
  for (const Case& c : cases) {
    Answer answer = Ask(c.method, c.target, c.body);
    EXPECT_EQ(answer.status, c.status) << c.what << ": " << answer.text;
    EXPECT_EQ(answer.body["kind"], "Status") << c.what;
    EXPECT_EQ(answer.body["reason"], c.reason) << c.what << ": " << answer.text;
    EXPECT_EQ(answer.body["code"], c.status) << c.what;
    EXPECT_NE(answer.text.find(nlohmann::json(c.message).dump().substr(1).erase(
                  nlohmann::json(c.message).dump().size() - 2)),
              std::string::npos)
        << c.what << ": " << answer.text;
  }
  EXPECT_EQ(Get(kConfigMaps).body["items"].size(), 1u) << "nothing of it was stored";
}

// Body size, nesting and media types have limits.
TEST_F(Crud, Limits) {
  EXPECT_EQ(Post(kConfigMaps, ConfigMapJson("a", std::string(3 * 1024 * 1024, 'x'))).status, 413);
  std::string deep = R"({"metadata":{"name":"x"},"data":)";
  for (int i = 0; i < 20'000; ++i) deep += "[";
  EXPECT_EQ(Post(kConfigMaps, deep).status, 400);
  EXPECT_EQ(Ask("POST", kConfigMaps, "x", "text/html").status, 415);
  EXPECT_EQ(Ask("GET", kConfigMaps, "", "", "text/html").status, 406);
  EXPECT_EQ(Get("/api/v1/unicorns").status, 404);
  EXPECT_EQ(Get("/api/v1/pods/x").status, 404);
}

// What is accepted can be read again, changed and removed, however it grew on its way to the store.
TEST_F(Crud, ObjectsThatGrow) {
  api::core::v1::ConfigMap escaped;
  escaped.mutable_metadata()->set_name("escaped");
  (*escaped.mutable_data())["a"] = std::string(1'000'000, '\x01');
  const std::string body = api::ToProtobuf(escaped);
  ASSERT_EQ(Ask("POST", kConfigMaps, body, "application/vnd.kubernetes.protobuf").status, 201);
  EXPECT_EQ(Ask("PATCH", std::string(kConfigMaps) + "/escaped",
                R"({"metadata":{"labels":{"a":"b"}}})", "application/merge-patch+json")
                .status,
            200);
  EXPECT_EQ(Ask("DELETE", std::string(kConfigMaps) + "/escaped", "", "").status, 200);

  std::string pod = R"({"metadata":{"name":"x"},"spec":{"containers":[)";
  for (int i = 0; i < 30'000; ++i) {
    const std::string port = std::to_string(i + 1);
    pod += std::string(i == 0 ? "" : ",") + R"({"name":"c)" + port +
           R"(","image":"a","ports":[{"containerPort":)" + port + "}]}";
  }
  Answer refused = Post("/api/v1/namespaces/default/pods", pod + "]}}");
  EXPECT_EQ(refused.status, 413) << refused.text.substr(0, 300);
}

// Unknown and duplicate fields are told in Warning headers, and dropped.
TEST_F(Crud, FieldWarnings) {
  Answer created = Post(kConfigMaps, R"({"metadata":{"name":"a"},"foo":1,"data":{},"data":{}})");
  ASSERT_EQ(created.status, 201) << created.text;
  std::string warnings;
  for (const auto& [name, value] : created.headers.all()) {
    if (name == "Warning") warnings += value + "\n";
  }
  EXPECT_NE(warnings.find(R"(299 - "unknown field \"foo\"")"), std::string::npos) << warnings;
  EXPECT_NE(warnings.find(R"(duplicate field \"data\")"), std::string::npos) << warnings;
  EXPECT_FALSE(created.body.contains("foo"));
}

// generateName gives distinct names; dryRun stores nothing.
TEST_F(Crud, GenerateNameAndDryRun) {
  std::string body = R"({"metadata":{"generateName":"cm-"}})";
  Answer first = Post(kConfigMaps, body);
  Answer second = Post(kConfigMaps, body);
  ASSERT_EQ(first.status, 201) << first.text;
  std::string name = first.body["metadata"]["name"];
  EXPECT_TRUE(name.starts_with("cm-"));
  EXPECT_EQ(name.size(), 8u);
  EXPECT_NE(name, second.body["metadata"]["name"].get<std::string>());
  Answer dry = Post(std::string(kConfigMaps) + "?dryRun=All", ConfigMapJson("dry"));
  EXPECT_EQ(dry.status, 201);
  EXPECT_FALSE(dry.body["metadata"].contains("resourceVersion"));
  EXPECT_EQ(Get(std::string(kConfigMaps) + "/dry").status, 404);
}

// PUT: compare-and-set on resourceVersion, unconditional without; no change, no new version.
TEST_F(Crud, Update) {
  Answer created = Post(kConfigMaps, ConfigMapJson("a"));
  std::string one = std::string(kConfigMaps) + "/a";
  nlohmann::json object = created.body;
  object["data"]["k"] = "w";
  Answer updated = Ask("PUT", one, object.dump());
  ASSERT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.body["data"]["k"], "w");
  EXPECT_NE(updated.body["metadata"]["resourceVersion"],
            created.body["metadata"]["resourceVersion"]);
  object["data"]["k"] = "stale";
  Answer stale = Ask("PUT", one, object.dump());
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.body["reason"], "Conflict");
  EXPECT_NE(stale.text.find("the object has been modified"), std::string::npos);
  Answer same = Ask("PUT", one, updated.text);
  EXPECT_EQ(same.body["metadata"]["resourceVersion"], updated.body["metadata"]["resourceVersion"]);
  Answer unconditional = Ask("PUT", one, ConfigMapJson("a", "u"));
  EXPECT_EQ(unconditional.status, 200);
  EXPECT_EQ(unconditional.body["metadata"]["uid"], created.body["metadata"]["uid"]);
  object = unconditional.body;
  object["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(Ask("PUT", one, object.dump()).status, 409);
  EXPECT_EQ(Ask("PUT", std::string(kConfigMaps) + "/none", ConfigMapJson("none")).status, 404);
}

// The three patch types; server-side apply is refused in words.
TEST_F(Crud, Patch) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  std::string one = std::string(kConfigMaps) + "/a";
  Answer json = Ask("PATCH", one, R"([{"op":"add","path":"/data/x","value":"1"}])",
                    "application/json-patch+json");
  ASSERT_EQ(json.status, 200) << json.text;
  EXPECT_EQ(json.body["data"]["x"], "1");
  Answer merge =
      Ask("PATCH", one, R"({"data":{"x":null,"y":"2"}})", "application/merge-patch+json");
  EXPECT_FALSE(merge.body["data"].contains("x"));
  EXPECT_EQ(merge.body["data"]["y"], "2");
  Answer strategic = Ask("PATCH", one, R"({"metadata":{"labels":{"l":"v"}}})",
                         "application/strategic-merge-patch+json");
  EXPECT_EQ(strategic.body["metadata"]["labels"]["l"], "v");
  EXPECT_EQ(Ask("PATCH", one, "{}", "application/apply-patch+yaml").status, 415);
  EXPECT_EQ(Ask("PATCH", one, R"([{"op":"test","path":"/data/y","value":"3"}])",
                "application/json-patch+json")
                .status,
            422);
  EXPECT_EQ(
      Ask("PATCH", one, R"({"metadata":{"resourceVersion":"1"}})", "application/merge-patch+json")
          .status,
      409);
  EXPECT_EQ(
      Ask("PATCH", std::string(kConfigMaps) + "/none", "{}", "application/merge-patch+json").status,
      404);
}

// A resourceVersion that never was one is a mistake of the client's, not a conflict to try again.
TEST_F(Crud, UnparsableResourceVersion) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  std::string one = std::string(kConfigMaps) + "/a";
  for (const char* version : {"abc", "-1", "1x", "99999999999999999999999"}) {
    std::string patch = nlohmann::json{{"metadata", {{"resourceVersion", version}}}}.dump();
    Answer answer = Ask("PATCH", one, patch, "application/merge-patch+json");
    EXPECT_EQ(answer.status, 422) << answer.text;
    EXPECT_EQ(answer.body["reason"], "Invalid");
    EXPECT_EQ(answer.body["details"]["causes"][0]["field"], "metadata.resourceVersion");
  }
  EXPECT_EQ(
      Ask("PATCH", one, R"({"metadata":{"resourceVersion":"0"}})", "application/merge-patch+json")
          .status,
      200)
      << "0 is no version";
}

// Names that would be no segment of a key, escaped or not.
TEST_F(Crud, PathSegments) {
  for (const char* target :
       {"/api/v1/namespaces/../pods", "/api/v1/namespaces/%2e%2e/pods", "/api/v1/namespaces/./pods",
        "/api/v1/namespaces/a%2525/pods", "/api/v1/namespaces/default/pods/..",
        "/api/v1/namespaces/..", "/api/v1/nodes/%2e"}) {
    Answer answer = Get(target);
    EXPECT_EQ(answer.status, 400) << target << ": " << answer.text;
    EXPECT_EQ(answer.body["reason"], "BadRequest") << target;
  }
  EXPECT_NE(Get("/api/v1/namespaces/../pods")
                .text.find(R"(Namespace parameter invalid: \"..\": may not be '..')"),
            std::string::npos);
  EXPECT_EQ(Get("/api/v1/namespaces/.../pods").status, 200);
}

// YAML that is nested too deep is told so, whoever finds out: we, or the library below.
TEST_F(Crud, DeepYaml) {
  for (size_t levels : {150u, 5'000u}) {
    std::string body =
        "metadata: {name: x}\ndata: " + std::string(levels, '[') + std::string(levels, ']') + "\n";
    Answer answer = Ask("POST", kConfigMaps, body, "application/yaml");
    EXPECT_EQ(answer.status, 400) << answer.text;
    EXPECT_NE(answer.text.find("nested deeper than 100 levels"), std::string::npos) << answer.text;
  }
}

// The counts of a ReplicaSet's status agree; its status does not reach its spec.
TEST_F(Crud, ReplicaSetStatus) {
  constexpr const char* kSets = "/apis/apps/v1/namespaces/default/replicasets";
  Answer created = Post(kSets, R"({"metadata":{"name":"web"},"spec":{"replicas":2,
      "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  ASSERT_EQ(created.status, 201) << created.text;
  std::string status = std::string(kSets) + "/web/status";
  struct Case {
    const char* status;
    const char* field;
  };
  for (const Case& c :
       {Case{R"({"replicas":-1})", "status.replicas"},
        {R"({"replicas":1,"fullyLabeledReplicas":2})", "status.fullyLabeledReplicas"},
        {R"({"replicas":1,"readyReplicas":2})", "status.readyReplicas"},
        {R"({"replicas":2,"readyReplicas":1,"availableReplicas":2})", "status.availableReplicas"},
        {R"({"replicas":1,"observedGeneration":-1})", "status.observedGeneration"}}) {
    Answer answer = Ask("PATCH", status, std::string(R"({"status":)") + c.status + "}",
                        "application/merge-patch+json");
    EXPECT_EQ(answer.status, 422) << answer.text;
    EXPECT_EQ(answer.body["details"]["causes"][0]["field"], c.field) << answer.text;
  }
  Answer kept = Ask("PATCH", status,
                    R"({"spec":{"selector":{"matchLabels":{"a":"c"}}},"status":{"replicas":2}})",
                    "application/merge-patch+json");
  ASSERT_EQ(kept.status, 200) << kept.text;
  EXPECT_EQ(kept.body["spec"], created.body["spec"]);
}

// Delete: at once, held by finalizers, with preconditions, as a collection.
TEST_F(Crud, Delete) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  Answer wrong = Ask("DELETE", std::string(kConfigMaps) + "/a",
                     R"({"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u"}})");
  EXPECT_EQ(wrong.status, 409) << wrong.text;
  Answer gone = Ask("DELETE", std::string(kConfigMaps) + "/a");
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.body["kind"], "Status");
  EXPECT_EQ(gone.body["status"], "Success");
  EXPECT_EQ(gone.body["details"]["name"], "a");
  EXPECT_EQ(Ask("DELETE", std::string(kConfigMaps) + "/a").status, 404);

  ASSERT_EQ(
      Post(kConfigMaps, R"({"metadata":{"name":"f","finalizers":["example.com/hold"]}})").status,
      201);
  Answer held = Ask("DELETE", std::string(kConfigMaps) + "/f");
  EXPECT_EQ(held.status, 200);
  EXPECT_TRUE(held.body["metadata"].contains("deletionTimestamp")) << held.text;
  Answer more = Ask("PATCH", std::string(kConfigMaps) + "/f",
                    R"({"metadata":{"finalizers":["example.com/hold","example.com/new"]}})",
                    "application/merge-patch+json");
  EXPECT_EQ(more.status, 422) << more.text;
  Answer let_go = Ask("PATCH", std::string(kConfigMaps) + "/f",
                      R"({"metadata":{"finalizers":null}})", "application/merge-patch+json");
  EXPECT_EQ(let_go.status, 200) << let_go.text;
  EXPECT_EQ(Get(std::string(kConfigMaps) + "/f").status, 404);

  for (const char* name : {"x", "y", "z"}) {
    ASSERT_EQ(Post(kConfigMaps, ConfigMapJson(name)).status, 201);
  }
  Answer all = Ask("DELETE", std::string(kConfigMaps) + "?fieldSelector=metadata.name!=z");
  EXPECT_EQ(all.status, 200) << all.text;
  EXPECT_EQ(all.body["items"].size(), 2u);
  EXPECT_EQ(Get(kConfigMaps).body["items"].size(), 1u);
}

// A limit ends a deletion of many after one page, and its token goes on; an old revision is
// checked.
TEST_F(Crud, DeleteCollectionByPages) {
  for (const char* name : {"w", "x", "y", "z"}) {
    ASSERT_EQ(Post(kConfigMaps, ConfigMapJson(name)).status, 201);
  }
  Answer page = Ask("DELETE", std::string(kConfigMaps) + "?limit=3");
  ASSERT_EQ(page.status, 200) << page.text;
  EXPECT_EQ(page.body["items"].size(), 3u);
  EXPECT_EQ(Get(kConfigMaps).body["items"].size(), 1u);
  std::string token = page.body["metadata"]["continue"];
  Answer rest = Ask("DELETE", std::string(kConfigMaps) + "?limit=3&continue=" + token);
  ASSERT_EQ(rest.status, 200) << rest.text;
  EXPECT_EQ(Get(kConfigMaps).body["items"].size(), 0u);
  EXPECT_EQ(Ask("DELETE", std::string(kConfigMaps) + "?continue=garbage").status, 400);
}

// What is in many namespaces, and namespaces themselves, do not go by one request.
TEST_F(Crud, DeleteCollectionOfEverything) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  Answer namespaces = Ask("DELETE", "/api/v1/namespaces");
  EXPECT_EQ(namespaces.status, 405) << namespaces.text;
  EXPECT_EQ(namespaces.body["reason"], "MethodNotAllowed");
  EXPECT_FALSE(Get("/api/v1/namespaces/default").body["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(Ask("DELETE", "/api/v1/configmaps").status, 405);
  EXPECT_EQ(Get(std::string(kConfigMaps) + "/a").status, 200);
}

// A body must say which object it is.
TEST_F(Crud, BodiesNameTheirObject) {
  ASSERT_EQ(Post(kConfigMaps, ConfigMapJson("a")).status, 201);
  std::string one = std::string(kConfigMaps) + "/a";
  Answer nameless = Ask("PUT", one, R"({"metadata":{}})");
  EXPECT_EQ(nameless.status, 400);
  EXPECT_EQ(nameless.body["message"],
            "the name of the object (a based on URL) was undeterminable: name must be provided");
  Answer elsewhere = Ask("PUT", one, R"({"metadata":{"name":"a","namespace":"other"}})");
  EXPECT_EQ(elsewhere.status, 400);
  EXPECT_EQ(elsewhere.body["message"],
            "the namespace of the object (other) does not match the namespace on the request "
            "(default)");
  Answer renamed =
      Ask("PATCH", one, R"({"metadata":{"name":"b"}})", "application/merge-patch+json");
  EXPECT_EQ(renamed.status, 400) << renamed.text;
}

// A YAML key that comes twice is told as in JSON.
TEST_F(Crud, DuplicateKeysInYaml) {
  std::string body = "metadata:\n  name: y\ndata:\n  k: a\n  k: b\n";
  std::string strict = std::string(kConfigMaps) + "?fieldValidation=Strict";
  Answer refused = Ask("POST", strict, body, "application/yaml");
  EXPECT_EQ(refused.status, 400) << refused.text;
  EXPECT_NE(refused.text.find("data.k"), std::string::npos) << refused.text;
  Answer warned = Ask("POST", kConfigMaps, body, "application/yaml");
  EXPECT_EQ(warned.status, 201) << warned.text;
  EXPECT_NE(warned.headers.Get("Warning").find("data.k"), std::string::npos);
}

// An update that creates needs the right to create too.
TEST_F(Crud, CreateOnUpdate) {
  std::string lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
  Answer created = Ask("PUT", lease, R"({"metadata":{"name":"l"},"spec":{}})");
  EXPECT_EQ(created.status, 201) << created.text;
  std::string slice = "/api/v1/namespaces/default/endpoints/e";
  std::string body = R"({"metadata":{"name":"e"}})";
  Answer refused = Ask("PUT", "/api/v1/namespaces/default/pods/p/status", PodJson("p"),
                       "application/json", "", "node-token");
  EXPECT_EQ(refused.status, 404) << "a node may update a pod's status, of a pod that is there";
  EXPECT_EQ(Ask("PUT", slice, body).status, 201);
}

// propagationPolicy becomes the garbage collector's finalizers.
TEST_F(Crud, Propagation) {
  for (const char* policy : {"Orphan", "Foreground"}) {
    std::string name = policy == std::string("Orphan") ? "o" : "f";
    ASSERT_EQ(Post(kConfigMaps, ConfigMapJson(name)).status, 201);
    Answer deleted =
        Ask("DELETE", std::string(kConfigMaps) + "/" + name + "?propagationPolicy=" + policy);
    EXPECT_EQ(deleted.status, 200);
    EXPECT_EQ(deleted.body["metadata"]["finalizers"][0],
              name == "o" ? "orphan" : "foregroundDeletion");
  }
  EXPECT_EQ(Ask("DELETE", std::string(kConfigMaps) + "/o?propagationPolicy=Sometimes").status, 422);
}

// Credentials decide: none is 401, unknown users are 403 in upstream's words.
TEST_F(Crud, Identity) {
  EXPECT_EQ(Ask("GET", kConfigMaps, "", "", "", "").status, 401);
  EXPECT_EQ(Ask("GET", kConfigMaps, "", "", "", "wrong").status, 401);
  Answer nobody = Ask("GET", kConfigMaps, "", "", "", "nobody-token");
  EXPECT_EQ(nobody.status, 403);
  EXPECT_EQ(nobody.body["message"],
            "configmaps is forbidden: User \"nobody\" cannot list resource \"configmaps\" in API "
            "group \"\" in the namespace \"default\"");
  EXPECT_EQ(Ask("GET", "/api/v1/nodes", "", "", "", "node-token").status, 200);
  EXPECT_EQ(Ask("DELETE", kConfigMaps, "", "", "", "node-token").status, 403);
  EXPECT_EQ(Ask("GET", "/readyz", "", "", "", "").status, 200);
  EXPECT_EQ(Ask("GET", "/api", "", "", "", "nobody-token").status, 200);
}

}  // namespace
}  // namespace wherry::apiserver
