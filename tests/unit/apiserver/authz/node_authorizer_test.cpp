#include "apiserver/authz/node_authorizer.h"

#include "apiserver/authz/authorizer.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::authz {
namespace {

namespace core = api::core::v1;
using Groups = std::vector<std::string>;

RequestInfo Ask(std::string verb, std::string resource, std::string name,
                std::string ns = "default", std::string subresource = "") {
  RequestInfo info;
  info.is_resource = true;
  info.verb = std::move(verb);
  info.resource = std::move(resource);
  info.name = std::move(name);
  info.ns = std::move(ns);
  info.subresource = std::move(subresource);
  return info;
}

class NodeAuthorizerTest : public ::testing::Test {
 protected:
  void SetPod(const std::string& name, const std::string& node, const std::string& secret,
              const std::string& annotations = "{}") {
    references_.SetPod(*wherry::testing::Parse<core::Pod>(
        R"({"metadata":{"namespace":"default","name":")" + name + R"(","uid":")" + name + node +
        R"(","annotations":)" + annotations + R"(},"spec":{"nodeName":")" + node +
        R"(","serviceAccountName":"robot","volumes":[{"name":"s","secret":{"secretName":")" +
        secret + R"("}},{"name":"m","configMap":{"name":"map"}},)" +
        R"({"name":"c","persistentVolumeClaim":{"claimName":"data"}}]}})"));
  }
  bool May(const RequestInfo& info, const std::string& node = "n1") {
    return authorizer_.Authorize({.name = "system:node:" + node, .groups = {"system:nodes"}}, info)
        .ok();
  }

  NodeReferences references_;
  Authorizer authorizer_{references_};
};

TEST_F(NodeAuthorizerTest, ANodeReadsWhatItsPodsReferTo) {
  SetPod("web", "n1", "key");
  for (const char* verb : {"get", "list", "watch"}) {
    EXPECT_TRUE(May(Ask(verb, "secrets", "key"))) << verb;
    EXPECT_TRUE(May(Ask(verb, "configmaps", "map"))) << verb;
    EXPECT_FALSE(May(Ask(verb, "secrets", "key"), "n2")) << verb;
    EXPECT_FALSE(May(Ask(verb, "secrets", "other"))) << verb;
    EXPECT_FALSE(May(Ask(verb, "secrets", "key", "kube-system"))) << verb;
    EXPECT_FALSE(May(Ask(verb, "secrets", ""))) << "all of them: " << verb;
    EXPECT_FALSE(May(Ask(verb, "configmaps", "", ""))) << verb;
  }
  EXPECT_FALSE(May(Ask("update", "secrets", "key")));
  EXPECT_TRUE(May(Ask("get", "persistentvolumeclaims", "data")));
  EXPECT_FALSE(May(Ask("list", "persistentvolumeclaims", "data")));
  EXPECT_FALSE(May(Ask("get", "persistentvolumeclaims", "data"), "n2"));
  EXPECT_TRUE(May(Ask("create", "serviceaccounts", "robot", "default", "token")));
  EXPECT_FALSE(May(Ask("create", "serviceaccounts", "other", "default", "token")));
  EXPECT_FALSE(May(Ask("create", "serviceaccounts", "robot", "default", "token"), "n2"));
  EXPECT_FALSE(May(Ask("get", "serviceaccounts", "robot")));
}

TEST_F(NodeAuthorizerTest, ForgetsPodsThatGoOrMove) {
  SetPod("a", "n1", "key");
  SetPod("b", "n1", "key");
  references_.RemovePod("default", "a");
  EXPECT_TRUE(May(Ask("get", "secrets", "key"))) << "b is still there";
  SetPod("b", "n2", "key");
  EXPECT_FALSE(May(Ask("get", "secrets", "key")));
  EXPECT_TRUE(May(Ask("get", "secrets", "key"), "n2"));
  references_.TakePods(NodeReferences());
  EXPECT_FALSE(May(Ask("get", "secrets", "key"), "n2"));
}

// A node makes mirror pods by itself: they must not open anything.
TEST_F(NodeAuthorizerTest, MirrorPodsReferToNothing) {
  SetPod("mirror", "n1", "key", R"({"kubernetes.io/config.mirror":"x"})");
  EXPECT_FALSE(May(Ask("get", "secrets", "key")));
}

TEST_F(NodeAuthorizerTest, VolumesFollowTheirClaim) {
  SetPod("web", "n1", "key");
  const auto volume =
      wherry::testing::Parse<core::PersistentVolume>(R"({"metadata":{"name":"pv"},"spec":{
    "claimRef":{"namespace":"default","name":"data"},
    "csi":{"driver":"d","volumeHandle":"h","nodeStageSecretRef":{"namespace":"sys","name":"s"}}}})");
  EXPECT_FALSE(May(Ask("get", "persistentvolumes", "pv", "")));
  references_.SetVolume(*volume);
  EXPECT_TRUE(May(Ask("get", "persistentvolumes", "pv", "")));
  EXPECT_FALSE(May(Ask("get", "persistentvolumes", "pv", ""), "n2"));
  EXPECT_FALSE(May(Ask("watch", "persistentvolumes", "pv", "")));
  EXPECT_TRUE(May(Ask("get", "secrets", "s", "sys")));
  EXPECT_FALSE(May(Ask("get", "secrets", "s", "sys"), "n2"));
  references_.RemoveVolume("pv");
  EXPECT_FALSE(May(Ask("get", "persistentvolumes", "pv", "")));
  EXPECT_FALSE(May(Ask("get", "secrets", "s", "sys")));
}

TEST_F(NodeAuthorizerTest, UsesItsOwnLeaseOnly) {
  auto lease = [](std::string verb, std::string name, std::string ns = "kube-node-lease") {
    RequestInfo info = Ask(std::move(verb), "leases", std::move(name), std::move(ns));
    info.group = "coordination.k8s.io";
    return info;
  };
  EXPECT_TRUE(May(lease("create", "")));
  EXPECT_TRUE(May(lease("update", "n1")));
  EXPECT_FALSE(May(lease("update", "n2")));
  EXPECT_FALSE(May(lease("get", "n1", "default")));
  EXPECT_FALSE(May(lease("list", "")));
}

TEST_F(NodeAuthorizerTest, UsesItsOwnCSINodeOnly) {
  auto storage = [](std::string verb, std::string resource, std::string name) {
    RequestInfo info = Ask(std::move(verb), std::move(resource), std::move(name), "");
    info.group = "storage.k8s.io";
    return info;
  };
  EXPECT_TRUE(May(storage("create", "csinodes", "")));
  for (const char* verb : {"get", "update", "patch", "delete"}) {
    EXPECT_TRUE(May(storage(verb, "csinodes", "n1"))) << verb;
    EXPECT_FALSE(May(storage(verb, "csinodes", "n2"))) << verb;
  }
  EXPECT_FALSE(May(storage("list", "csinodes", "")));
  EXPECT_FALSE(May(storage("watch", "csinodes", "n1")));
  EXPECT_TRUE(May(storage("list", "csidrivers", "")));
  // Nothing attaches volumes, so no attachment is this node's.
  for (const char* verb : {"get", "list", "watch"})
    EXPECT_FALSE(May(storage(verb, "volumeattachments", "a"))) << verb;
}

// The group alone, or the name alone, is no node.
TEST_F(NodeAuthorizerTest, TakesNameAndGroup) {
  SetPod("web", "n1", "key");
  const RequestInfo pods = Ask("list", "pods", "");
  auto may = [&](const std::string& name, const Groups& groups) {
    return authorizer_.Authorize({.name = name, .groups = groups}, pods).ok();
  };
  EXPECT_TRUE(may("system:node:n1", {"system:nodes"}));
  EXPECT_FALSE(may("mallory-the-intruder", {"system:nodes"}));
  EXPECT_FALSE(may("system:node:", {"system:nodes"}));
  EXPECT_FALSE(may("system:node:n1", {}));
  EXPECT_FALSE(may("system:nodes", {"system:nodes"}));
}

}  // namespace
}  // namespace wherry::apiserver::authz
