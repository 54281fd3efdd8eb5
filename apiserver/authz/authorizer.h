#pragma once

#include "apiserver/authz/node_references.h"
#include "apiserver/request/request_info.h"
#include "lib/base/result.h"
#include "lib/http/message.h"

#include <string>
#include <vector>

namespace wherry::apiserver::authz {

// Whether a user may do what a request asks. Fixed rules for the cluster's own components until
// roles are objects: system:masters everything, each component what its upstream twin's ClusterRole
// holds in broad strokes, every authenticated user the discovery and health paths; and of some
// resources, a node the objects that its own pods refer to. Loop thread.
class Authorizer {
 public:
  // `references` outlives this.
  explicit Authorizer(const NodeReferences& references) : references_(references) {}

  // Errors: kForbidden with upstream's message.
  Status Authorize(const http::UserInfo& user, const RequestInfo& request) const;

 private:
  bool Allowed(const http::UserInfo& user, const RequestInfo& request) const;

  const NodeReferences& references_;
};

// A rule that holds for a user: verbs on resources, or, where `paths` is not empty, on those.
struct RuleInfo {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;
  std::vector<std::string> paths;
};
// All fixed ones that hold for `user`, in every namespace.
std::vector<RuleInfo> RulesFor(const http::UserInfo& user);

}  // namespace wherry::apiserver::authz
