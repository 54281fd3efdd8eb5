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
  Refused(AsNode("POST", root + "default/leases", named("n1")), "can only access leases in the");
}

}  // namespace
}  // namespace wherry::apiserver
