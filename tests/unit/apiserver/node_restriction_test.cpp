#include "tests/unit/apiserver/api_fixture.h"

#include <gmock/gmock.h>

namespace wherry::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// What the node n1 may write.
class NodeRestrictionTest : public ApiFixture {
 protected:
  Answer AsNode(std::string method, std::string target, const json& body = {}) {
    const bool patch = method == "PATCH";
    return Ask(std::move(method), std::move(target), body.is_null() ? "" : body.dump(),
               patch ? "application/merge-patch+json" : "application/json", "", "node-token");
  }
  static json OnNode(const std::string& name, const std::string& node) {
    json pod = json::parse(PodJson(name));
    pod["spec"]["nodeName"] = node;
    return pod;
  }
  void Refused(const Answer& answer, const std::string& why) {
    EXPECT_EQ(answer.status, 403) << answer.text;
    EXPECT_THAT(answer.text, HasSubstr(why));
  }
  void Make(const std::string& name, const std::string& node) {
    Answer made = Post(std::string(kPods), OnNode(name, node).dump());
    ASSERT_EQ(made.status, 201) << made.text;
  }
  // A pod of another node, and one of this.
  void MakePods() {
    Make("own", "n1");
    Make("other", "n2");
  }
};

TEST_F(NodeRestrictionTest, CreatesItsOwnMirrorPodsOnly) {
  Answer node = AsNode("POST", "/api/v1/nodes", {{"metadata", {{"name", "n1"}}}});
  ASSERT_EQ(node.status, 201) << node.text;
  const std::string pods(kPods);
  json pod = OnNode("web", "n2");
  Refused(AsNode("POST", pods, pod), "can only create mirror pods");
  pod["metadata"]["annotations"] = {{"kubernetes.io/config.mirror", "x"}};
  Refused(AsNode("POST", pods, pod), "can only create pods with spec.nodeName set to itself");
  pod["spec"]["nodeName"] = "n1";
  Refused(AsNode("POST", pods, pod), "with an owner reference set to itself");
  json& owners = pod["metadata"]["ownerReferences"];
  owners = json::array({{{"apiVersion", "v1"},
                         {"kind", "Node"},
                         {"name", "n1"},
                         {"uid", "another"},
                         {"controller", true}}});
  Refused(AsNode("POST", pods, pod), "UID mismatch");
  owners[0]["uid"] = node.body["metadata"]["uid"];
  for (const char* volume : {"secret", "configMap", "persistentVolumeClaim"}) {
    json other = pod;
    const json name = {{std::string(volume) == "secret"      ? "secretName"
                        : std::string(volume) == "configMap" ? "name"
                                                             : "claimName",
                        "x"}};
    other["spec"]["volumes"] = json::array({{{"name", "v"}, {volume, name}}});
    Refused(AsNode("POST", pods, other), "can not create pods that reference");
  }
  Answer made = AsNode("POST", pods, pod);
  EXPECT_EQ(made.status, 201) << made.text;
}

TEST_F(NodeRestrictionTest, WritesToItsOwnPodsOnly) {
  MakePods();
  const std::string pods = std::string(kPods) + "/";
  const json status = {{"status", {{"message", "m"}}}};
  EXPECT_EQ(AsNode("PATCH", pods + "own/status", status).status, 200);
  Refused(AsNode("PATCH", pods + "other/status", status),
          "can only update pod status for pods with spec.nodeName set to itself");
  const json eviction = {{"metadata", {{"name", "other"}}}};
  Refused(AsNode("POST", pods + "other/eviction", eviction),
          "can only evict pods with spec.nodeName set to itself");
  Refused(AsNode("DELETE", pods + "other"),
          "can only delete pods with spec.nodeName set to itself");
  EXPECT_EQ(Get(pods + "other").status, 200);
  EXPECT_EQ(AsNode("DELETE", pods + "own", {{"gracePeriodSeconds", 0}}).status, 200);
}

TEST_F(NodeRestrictionTest, WritesItsOwnCSINodeOnly) {
  const std::string nodes = "/apis/storage.k8s.io/v1/csinodes";
  const auto named = [](const char* name) {
    return json{{"metadata", {{"name", name}}}, {"spec", {{"drivers", json::array()}}}};
  };
  EXPECT_EQ(AsNode("POST", nodes, named("n1")).status, 201);
  Refused(AsNode("POST", nodes, named("n2")), "can only access CSINode with the same name");
  EXPECT_EQ(AsNode("GET", nodes + "/n1").status, 200);
  Refused(AsNode("GET", nodes + "/n2"), "cannot get resource");
  Refused(AsNode("GET", nodes), "cannot list resource");
  EXPECT_EQ(AsNode("DELETE", nodes + "/n1").status, 200);
}

TEST_F(NodeRestrictionTest, WritesItsOwnNodeAndLeaseOnly) {
  const auto named = [](const char* name) { return json{{"metadata", {{"name", name}}}}; };
  EXPECT_EQ(AsNode("POST", "/api/v1/nodes", named("n1")).status, 201);
  Refused(AsNode("POST", "/api/v1/nodes", named("n2")), "is not allowed to modify node");
  ASSERT_EQ(Post("/api/v1/nodes", named("n2").dump()).status, 201);
  const json status = {{"status", {{"phase", "Running"}}}};
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/n1/status", status).status, 200);
  Refused(AsNode("PATCH", "/api/v1/nodes/n2/status", status), "is not allowed to modify node");
  const json taints = {
      {"spec", {{"taints", json::array({{{"key", "a"}, {"effect", "NoSchedule"}}})}}}};
  Refused(AsNode("PATCH", "/api/v1/nodes/n1", taints), "is not allowed to modify taints");
  const std::string root = "/apis/coordination.k8s.io/v1/namespaces/";
  EXPECT_EQ(AsNode("POST", root + "kube-node-lease/leases", named("n1")).status, 201);
  Refused(AsNode("POST", root + "kube-node-lease/leases", named("n2")),
          "can only access node lease with the same name");
  Refused(AsNode("POST", root + "default/leases", named("n1")), "cannot create resource");
  Refused(AsNode("GET", root + "kube-node-lease/leases/n2"), "cannot get resource");
}

// Labels draw pods to a node: it may tell what its machine is, and nothing that others rely on.
// The garbage collector would delete the node, taints and all. Source: CVE-2025-5187.
TEST_F(NodeRestrictionTest, GivesItselfNoOwner) {
  json node = {{"metadata", {{"name", "n1"}}}};
  ASSERT_EQ(AsNode("POST", "/api/v1/nodes", node).status, 201);
  node["metadata"]["ownerReferences"] = {
      {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"name", "gone"}, {"uid", "u-1"}}};
  for (const char* path : {"/api/v1/nodes/n1", "/api/v1/nodes/n1/status"}) {
    Refused(AsNode("PATCH", path, node),
            "node \\\"n1\\\" is not allowed to modify ownerReferences");
  }
  // Nor does it take away what others gave it.
  Answer set = Ask("PATCH", "/api/v1/nodes/n1", node.dump(), "application/merge-patch+json");
  ASSERT_EQ(set.status, 200) << set.text;
  node["metadata"]["ownerReferences"] = nullptr;
  Refused(AsNode("PATCH", "/api/v1/nodes/n1", node), "is not allowed to modify ownerReferences");
}

TEST_F(NodeRestrictionTest, SetsItsOwnLabelsOnly) {
  const std::string refused = "node-restriction.kubernetes.io/tier";
  json node = {{"metadata", {{"name", "n1"}}}};
  node["metadata"]["labels"] = {{refused, "db"}, {"node-role.kubernetes.io/control-plane", ""}};
  Refused(AsNode("POST", "/api/v1/nodes", node),
          "node \\\"n1\\\" is not allowed to set the following labels: "
          "node-restriction.kubernetes.io/tier, node-role.kubernetes.io/control-plane");
  node["metadata"]["labels"] = {{"kubernetes.io/hostname", "n1"},
                                {"topology.kubernetes.io/zone", "z"},
                                {"x.node.kubernetes.io/a", "b"},
                                {"example.com/a", "b"}};
  Answer made = AsNode("POST", "/api/v1/nodes", node);
  EXPECT_EQ(made.status, 201) << made.text;
  const auto label = [](const std::string& name, const json& value) {
    return json{{"metadata", {{"labels", {{name, value}}}}}};
  };
  const std::string path = "/api/v1/nodes/n1";
  for (const char* name :
       {"node-restriction.kubernetes.io/tier", "a.node-restriction.kubernetes.io/b", "k8s.io/x",
        "kubernetes.io/x", "notnode.kubernetes.io/x"}) {
    Refused(AsNode("PATCH", path, label(name, "x")), "is not allowed to modify labels: ");
    Refused(AsNode("PATCH", path + "/status", label(name, "x")),
            "is not allowed to modify labels: ");
  }
  EXPECT_EQ(AsNode("PATCH", path, label("example.com/a", "c")).status, 200);
  // What the administrator has set, a node does not take away.
  Answer set = Ask("PATCH", path, label(refused, "db").dump(), "application/merge-patch+json");
  ASSERT_EQ(set.status, 200) << set.text;
  Refused(AsNode("PATCH", path, label(refused, nullptr)), "is not allowed to modify labels: ");
  EXPECT_EQ(AsNode("PATCH", path, label("topology.kubernetes.io/zone", nullptr)).status, 200);
}

// Who has the group and another name is no node, and not its pods' guardian either.
TEST_F(NodeRestrictionTest, TheGroupAloneIsNoNode) {
  http::Request request;
  request.method = "POST";
  request.target = "/api/v1/namespaces/default/serviceaccounts/default/token";
  request.headers.Set("Authorization", "Bearer admin-token");
  request.headers.Set("Impersonate-User", "mallory-the-intruder");
  request.headers.Set("Impersonate-Group", "system:nodes");
  request.headers.Set("Content-Type", "application/json");
  request.body = "{}";
  const http::Response answer = Send(std::move(request));
  EXPECT_EQ(answer.status, 403) << answer.body;
}

// From the binding of a pod to its end.
TEST_F(NodeRestrictionTest, ReadsTheSecretsOfItsPodsOnly) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata":{"name":"key"}})").status, 201);
  json pod = json::parse(PodJson("web"));
  pod["spec"]["volumes"] = json::array({{{"name", "v"}, {"secret", {{"secretName", "key"}}}}});
  ASSERT_EQ(Post(std::string(kPods), pod.dump()).status, 201);
  const std::string key = secrets + "/key";
  const std::string only = secrets + "?fieldSelector=metadata.name%3Dkey";
  Refused(AsNode("GET", key), "cannot get resource");
  const json binding = {{"metadata", {{"name", "web"}}},
                        {"target", {{"kind", "Node"}, {"name", "n1"}}}};
  ASSERT_EQ(Post(std::string(kPods) + "/web/binding", binding.dump()).status, 201);
  EXPECT_EQ(AsNode("GET", key).status, 200);
  EXPECT_EQ(AsNode("GET", only).status, 200);
  Refused(AsNode("GET", secrets), "cannot list resource");
  Refused(AsNode("GET", "/api/v1/namespaces/default/configmaps"), "cannot list resource");
  ASSERT_EQ(Ask("DELETE", std::string(kPods) + "/web", R"({"gracePeriodSeconds":0})").status, 200);
  Refused(AsNode("GET", key), "cannot get resource");
}

}  // namespace
}  // namespace wherry::apiserver
