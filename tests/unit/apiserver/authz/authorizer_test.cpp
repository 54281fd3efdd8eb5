#include "apiserver/authz/authorizer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::apiserver::authz {
namespace {

RequestInfo On(std::string verb, std::string group, std::string resource,
               std::string subresource = "") {
  RequestInfo info;
  info.is_resource = true;
  info.verb = std::move(verb);
  info.group = std::move(group);
  info.resource = std::move(resource);
  info.subresource = std::move(subresource);
  return info;
}

RequestInfo Path(std::string verb, std::string path) {
  RequestInfo info;
  info.verb = std::move(verb);
  info.path = std::move(path);
  return info;
}

Status Authorize(const http::UserInfo& user, const RequestInfo& request) {
  const NodeReferences none;
  return Authorizer(none).Authorize(user, request);
}

bool May(std::string user, std::vector<std::string> groups, const RequestInfo& info) {
  return Authorize({.name = std::move(user), .groups = std::move(groups)}, info).ok();
}

// Each of the cluster's own users has its rights and no others.
TEST(AuthorizeTest, FixedRules) {
  const std::vector<std::string> nodes = {"system:nodes", "system:authenticated"};
  EXPECT_TRUE(May("x", {"system:masters"}, On("delete", "", "namespaces")));
  EXPECT_TRUE(May("system:kube-controller-manager", {}, On("delete", "apps", "replicasets")));
  EXPECT_FALSE(May("system:kube-controller-manager", {}, On("impersonate", "", "users")));
  EXPECT_TRUE(May("x", {"system:masters"}, On("impersonate", "", "users")));
  EXPECT_TRUE(May("system:kube-scheduler", {}, On("create", "", "pods", "binding")));
  EXPECT_FALSE(May("system:kube-scheduler", {}, On("create", "", "pods")));
  EXPECT_TRUE(May("system:kube-scheduler", {}, On("watch", "", "namespaces")));
  EXPECT_TRUE(May("system:kube-scheduler", {}, On("watch", "policy", "poddisruptionbudgets")));
  for (const char* hidden : {"secrets", "configmaps", "serviceaccounts"})
    EXPECT_FALSE(May("system:kube-scheduler", {}, On("list", "", hidden))) << hidden;
  EXPECT_FALSE(May("system:kube-scheduler", {}, On("get", "", "pods", "log")));
  EXPECT_FALSE(May("system:node:n", nodes, On("delete", "", "nodes")));
  EXPECT_FALSE(May("system:node:n", nodes, On("list", "coordination.k8s.io", "leases")));
  EXPECT_TRUE(May("system:node:n", nodes, On("patch", "", "pods", "status")));
  EXPECT_FALSE(May("system:node:n", nodes, On("patch", "", "pods")));
  EXPECT_FALSE(May("system:node:n", nodes, On("deletecollection", "", "pods")));
  EXPECT_FALSE(May("system:node:n", nodes, On("get", "apps", "deployments")));
  EXPECT_TRUE(May("system:bootstrap:a", {"system:bootstrappers"},
                  On("create", "certificates.k8s.io", "certificatesigningrequests")));
  EXPECT_FALSE(May("system:bootstrap:a", {"system:bootstrappers"}, On("get", "", "nodes")));
  EXPECT_FALSE(May("nobody", {}, On("get", "", "pods")));
  EXPECT_FALSE(May("nobody", {}, On("impersonate", "", "users")));
}

TEST(AuthorizeTest, Paths) {
  EXPECT_TRUE(May("nobody", {}, Path("get", "/readyz/ping")));
  EXPECT_FALSE(May("nobody", {}, Path("get", "/apis")));
  EXPECT_TRUE(May("a", {"system:authenticated"}, Path("get", "/apis/apps/v1")));
  EXPECT_FALSE(May("a", {"system:authenticated"}, Path("post", "/apis/apps/v1")));
  EXPECT_FALSE(May("a", {"system:authenticated"}, Path("get", "/metrics")));
  EXPECT_TRUE(May("a", {"system:monitoring"}, Path("get", "/metrics")));
}

TEST(AuthorizeTest, SaysWhoMayNotWhat) {
  RequestInfo info = On("update", "apps", "deployments", "scale");
  info.ns = "prod";
  info.name = "web";
  auto refused = Authorize({.name = "jane"}, info);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "deployments.apps \"web\" is forbidden: User \"jane\" cannot update resource "
            "\"deployments/scale\" in API group \"apps\" in the namespace \"prod\"");
}

// What is told to hold does hold.
TEST(RulesForTest, AreThoseThatHold) {
  http::UserInfo scheduler{.name = "system:kube-scheduler", .groups = {"system:authenticated"}};
  auto rules = RulesFor(scheduler);
  EXPECT_TRUE(std::any_of(rules.begin(), rules.end(), [](const RuleInfo& rule) {
    return rule.resources == std::vector<std::string>{"pods/binding", "bindings"};
  }));
  size_t resource_rules = 0;
  for (const RuleInfo& rule : rules) {
    for (const std::string& verb : rule.verbs) {
      for (const std::string& path : rule.paths) {
        if (path.ends_with('*')) continue;
        EXPECT_TRUE(Authorize(scheduler, Path(verb, path)).ok()) << verb << path;
      }
      for (const std::string& resource : rule.resources) {
        ++resource_rules;
        size_t slash = resource.find('/');
        std::string part = slash == std::string::npos ? "" : resource.substr(slash + 1);
        RequestInfo info = On(verb, rule.groups[0], resource.substr(0, slash), part);
        EXPECT_TRUE(Authorize(scheduler, info).ok()) << verb << resource;
      }
    }
  }
  EXPECT_GT(resource_rules, 10u);
  EXPECT_EQ(RulesFor({.name = "nobody"}).size(), 1u) << "health and version";
}

}  // namespace
}  // namespace wherry::apiserver::authz
