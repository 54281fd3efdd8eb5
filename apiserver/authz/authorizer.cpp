#include "apiserver/authz/authorizer.h"

#include "apiserver/authz/node_authorizer.h"
#include "apiserver/request/node_identity.h"
#include "apiserver/request/status.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace wherry::apiserver::authz {

namespace {

// One line of a role; "*" is any. A subresource is named as "pods/status".
struct Rule {
  std::string_view subject;  // a user's or a group's name; system:nodes is every node (NodeOf)
  std::string_view verbs;    // separated by spaces
  std::string_view group;
  std::string_view resources;  // separated by spaces
};

constexpr std::string_view kRead = "get list watch";

// Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy. What else a node may read and write,
// node_authorizer and admission/node_restriction judge.
constexpr std::array kRules = {
    Rule{"system:kube-controller-manager", "*", "*", "*"},
    Rule{"system:kube-scheduler", kRead, "",
         "nodes pods services replicationcontrollers persistentvolumeclaims persistentvolumes "
         "namespaces"},
    Rule{"system:kube-scheduler", "update patch", "", "persistentvolumeclaims persistentvolumes"},
    Rule{"system:kube-scheduler", kRead, "apps", "replicasets statefulsets"},
    Rule{"system:kube-scheduler", kRead, "policy", "poddisruptionbudgets"},
    Rule{"system:kube-scheduler", kRead, "storage.k8s.io",
         "csinodes csidrivers csistoragecapacities storageclasses"},
    Rule{"system:kube-scheduler", "get", "coordination.k8s.io", "leases"},
    Rule{"system:kube-scheduler", "create", "authentication.k8s.io", "tokenreviews"},
    Rule{"system:kube-scheduler", "create", "authorization.k8s.io", "subjectaccessreviews"},
    Rule{"system:kube-scheduler", "create", "", "pods/binding bindings"},
    Rule{"system:kube-scheduler", "delete patch update", "", "pods pods/status"},
    Rule{"system:kube-scheduler", "create patch update", "", "events"},
    Rule{"system:kube-scheduler", "create patch update", "events.k8s.io", "events"},
    Rule{"system:kube-scheduler", "create update patch", "coordination.k8s.io", "leases"},
    Rule{"system:kube-scheduler", "create", "", "endpoints"},
    Rule{"system:kube-proxy", kRead, "", "services endpoints nodes"},
    Rule{"system:kube-proxy", kRead, "discovery.k8s.io", "endpointslices"},
    Rule{"system:kube-proxy", "create patch update", "", "events"},
    Rule{"system:kube-proxy", "create patch update", "events.k8s.io", "events"},
    Rule{"system:nodes", kRead, "", "services endpoints nodes pods"},
    Rule{"system:nodes", kRead, "discovery.k8s.io", "endpointslices"},
    Rule{"system:nodes", kRead, "node.k8s.io", "runtimeclasses"},
    Rule{"system:nodes", kRead, "storage.k8s.io", "csidrivers"},
    Rule{"system:nodes", "create patch update", "", "nodes nodes/status"},
    Rule{"system:nodes", "create delete", "", "pods"},
    Rule{"system:nodes", "patch update", "", "pods/status"},
    Rule{"system:nodes", "create", "", "pods/eviction"},
    Rule{"system:nodes", "create patch update", "", "events"},
    Rule{"system:nodes", "create patch update", "events.k8s.io", "events"},
    Rule{"system:nodes", "create get list watch", "certificates.k8s.io",
         "certificatesigningrequests"},
    Rule{"system:nodes", "create", "authentication.k8s.io", "tokenreviews"},
    Rule{"system:nodes", "create", "authorization.k8s.io", "subjectaccessreviews"},
    Rule{"system:authenticated", "create", "authorization.k8s.io",
         "selfsubjectaccessreviews selfsubjectrulesreviews"},
    Rule{"system:authenticated", "create", "authentication.k8s.io", "selfsubjectreviews"},
    Rule{"system:bootstrappers", "create get list watch", "certificates.k8s.io",
         "certificatesigningrequests"},
};

bool ListHas(std::string_view list, std::string_view word) {
  if (list == "*") return true;
  while (!list.empty()) {
    size_t space = list.find(' ');
    if (list.substr(0, space) == word) return true;
    list = space == std::string_view::npos ? std::string_view() : list.substr(space + 1);
  }
  return false;
}

bool IsSubject(const http::UserInfo& user, std::string_view subject) {
  if (subject == kNodesGroup) return !NodeOf(user).value_or("").empty();
  return user.name == subject ||
         std::find(user.groups.begin(), user.groups.end(), subject) != user.groups.end();
}

bool IsPublicPath(std::string_view path) {
  return path == "/healthz" || path == "/livez" || path == "/readyz" || path == "/version" ||
         path == "/version/" || path.starts_with("/livez/") || path.starts_with("/readyz/") ||
         path.starts_with("/healthz/");
}

bool IsDiscoveryPath(std::string_view path) {
  return path == "/" || path == "/api" || path == "/apis" || path.starts_with("/api/") ||
         path.starts_with("/apis/") || path.starts_with("/openapi/") ||
         path.starts_with("/.well-known/") || path.starts_with("/openid/");
}

}  // namespace

bool Authorizer::Allowed(const http::UserInfo& user, const RequestInfo& request) const {
  if (IsSubject(user, "system:masters")) return true;
  // Whoever may be anybody may do anything: no rule's "*" means that.
  if (request.verb == "impersonate") return false;
  if (!request.is_resource) {
    if (IsPublicPath(request.path)) return true;
    bool reads = request.verb == "get" || request.verb == "head";
    if (!reads) return false;
    if (request.path == "/metrics") return IsSubject(user, "system:monitoring");
    return IsDiscoveryPath(request.path) && IsSubject(user, "system:authenticated");
  }
  const auto node = NodeOf(user);
  if (node && !node->empty()) {
    if (auto decided = NodeMay(*node, request, references_)) return *decided;
  }
  std::string resource = request.resource;
  if (!request.subresource.empty()) resource += "/" + request.subresource;
  return std::any_of(kRules.begin(), kRules.end(), [&](const Rule& rule) {
    return IsSubject(user, rule.subject) && ListHas(rule.verbs, request.verb) &&
           (rule.group == "*" || rule.group == request.group) && ListHas(rule.resources, resource);
  });
}

namespace {

std::vector<std::string> Words(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    size_t space = list.find(' ');
    words.emplace_back(list.substr(0, space));
    list = space == std::string_view::npos ? std::string_view() : list.substr(space + 1);
  }
  return words;
}

}  // namespace

std::vector<RuleInfo> RulesFor(const http::UserInfo& user) {
  std::vector<RuleInfo> rules;
  auto add_paths = [&rules](std::vector<std::string> verbs, std::string_view paths) {
    rules.push_back(
        {.verbs = std::move(verbs), .groups = {}, .resources = {}, .paths = Words(paths)});
  };
  if (IsSubject(user, "system:masters")) {
    rules.push_back({.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}, .paths = {}});
    add_paths({"*"}, "*");
  }
  for (const Rule& rule : kRules) {
    if (!IsSubject(user, rule.subject)) continue;
    rules.push_back({.verbs = Words(rule.verbs),
                     .groups = {std::string(rule.group)},
                     .resources = Words(rule.resources),
                     .paths = {}});
  }
  if (IsSubject(user, "system:monitoring")) add_paths({"get"}, "/metrics");
  if (IsSubject(user, "system:authenticated")) {
    add_paths({"get"}, "/ /api /api/* /apis /apis/* /openapi/* /openid/* /.well-known/*");
  }
  add_paths({"get"}, "/healthz /livez /readyz /version /version/");
  return rules;
}

Status Authorizer::Authorize(const http::UserInfo& user, const RequestInfo& request) const {
  if (Allowed(user, request)) return Ok();
  std::string who = "User \"" + user.name + "\" cannot " + request.verb;
  if (!request.is_resource) {
    return MakeError(Reason::kForbidden, "forbidden: " + who + " path \"" + request.path + "\"");
  }
  std::string resource = request.resource;
  if (!request.subresource.empty()) resource += "/" + request.subresource;
  std::string why = who + " resource \"" + resource + "\" in API group \"" + request.group + "\"";
  why += request.ns.empty() ? " at the cluster scope" : " in the namespace \"" + request.ns + "\"";
  return ForbiddenError(ResourceName{request.group, request.resource}, request.name, why);
}

}  // namespace wherry::apiserver::authz
