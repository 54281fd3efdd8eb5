#include "apiserver/authz/node_authorizer.h"

namespace wherry::apiserver::authz {

namespace {

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  for (std::string_view one : words)
    if (word == one) return true;
  return false;
}

// The name of a lease that is made is in the body only: admission looks at that.
bool MayUseLease(const std::string& node, const RequestInfo& request) {
  constexpr std::string_view kLeaseNamespace = "kube-node-lease";
  if (request.ns != kLeaseNamespace || !request.subresource.empty()) return false;
  if (request.verb == "create") return true;
  return IsOneOf(request.verb, {"get", "update", "patch", "delete"}) && request.name == node;
}

// So is the name of a CSINode that is made.
bool MayUseCSINode(const std::string& node, const RequestInfo& request) {
  if (!request.subresource.empty()) return false;
  if (request.verb == "create") return true;
  return IsOneOf(request.verb, {"get", "update", "patch", "delete"}) && request.name == node;
}

}  // namespace

std::optional<bool> NodeMay(const std::string& node, const RequestInfo& request,
                            const NodeReferences& references) {
  const std::string& resource = request.resource;
  if (request.group == "coordination.k8s.io" && resource == "leases")
    return MayUseLease(node, request);
  if (request.group == "storage.k8s.io") {
    if (resource == "csinodes") return MayUseCSINode(node, request);
    // VolumeAttachments are no objects here, so none is this node's.
    if (resource == "volumeattachments") return false;
  }
  if (!request.group.empty()) return std::nullopt;
  const bool read_by_name = IsOneOf(resource, {"secrets", "configmaps"});
  const bool volume = IsOneOf(resource, {"persistentvolumeclaims", "persistentvolumes"});
  const bool account = resource == "serviceaccounts";
  if (!read_by_name && !volume && !account) return std::nullopt;
  if (account && (request.verb != "create" || request.subresource != "token")) return false;
  if (!account && !request.subresource.empty()) return false;
  if (volume && request.verb != "get") return false;
  if (read_by_name && !IsOneOf(request.verb, {"get", "list", "watch"})) return false;
  if (request.name.empty()) return false;
  if (resource != "persistentvolumes" && request.ns.empty()) return false;
  return references.Refers(node, resource, request.ns, request.name);
}

}  // namespace wherry::apiserver::authz
