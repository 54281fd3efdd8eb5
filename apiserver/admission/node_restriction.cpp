#include "apiserver/admission/node_restriction.h"

#include "apiserver/admission/node_labels.h"
#include "apiserver/request/node_identity.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/references.h"
#include "lib/api/same_labels.h"
#include "lib/http/message.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/coordination/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/storage/v1.pb.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

namespace wherry::apiserver::admission {

namespace {

namespace core = api::core::v1;
using api::authentication::v1::TokenRequest;
using api::coordination::v1::Lease;
using google::protobuf::util::MessageDifferencer;
using registry::Context;
using registry::Message;

constexpr const char* kMirrorAnnotation = "kubernetes.io/config.mirror";
constexpr std::string_view kLeaseNamespace = "kube-node-lease";

// A write by one node, and the refusals in upstream's words.
struct NodeWrite {
  const Context& context;
  const api::KindInfo& kind;
  std::string node;
  const Message* object;
  const Message* old;

  Error Forbid(const std::string& why) const {
    const std::string& name = api::MetaOf(object != nullptr ? *object : *old).name();
    return ForbiddenError({kind.group_version.group, kind.plural}, name, why);
  }
  std::shared_ptr<const Message> Find(const api::KindInfo& wanted, std::string_view ns,
                                      std::string_view name) const {
    return context.lookup == nullptr ? nullptr : (*context.lookup)(wanted, ns, name);
  }
  Error ForbidNode(const std::string& why) const { return Forbid("node \"" + node + "\" " + why); }
};

Status CheckOwner(const NodeWrite& write, const core::Pod& pod) {
  const auto& owners = pod.metadata().ownerreferences();
  if (owners.size() > 1) {
    return write.ForbidNode("can only create pods with a single owner reference set to itself");
  }
  if (owners.empty() || owners[0].apiversion() != "v1" || owners[0].kind() != "Node" ||
      owners[0].name() != write.node) {
    return write.ForbidNode("can only create pods with an owner reference set to itself");
  }
  if (!owners[0].controller()) {
    return write.ForbidNode("can only create pods with a controller owner reference set to itself");
  }
  if (owners[0].blockownerdeletion()) {
    return write.ForbidNode("must not set blockOwnerDeletion on an owner reference");
  }
  const auto found = write.Find(api::KindOf<core::Node>(), "", write.node);
  if (!found) return NotFoundError({"", "nodes"}, write.node);
  const std::string& uid = api::MetaOf(*found).uid();
  if (owners[0].uid() == uid) return Ok();
  return write.Forbid("node " + write.node + " UID mismatch: expected " + owners[0].uid() +
                      " got " + uid);
}

Status CheckNewPod(const NodeWrite& write, const core::Pod& pod) {
  if (!pod.metadata().annotations().contains(kMirrorAnnotation)) {
    return write.Forbid("pod does not have \"" + std::string(kMirrorAnnotation) +
                        "\" annotation, node \"" + write.node + "\" can only create mirror pods");
  }
  if (pod.spec().nodename() != write.node) {
    return write.ForbidNode("can only create pods with spec.nodeName set to itself");
  }
  TRY_STATUS(CheckOwner(write, pod));
  const std::string refused = "can not create pods that reference ";
  if (!pod.spec().serviceaccountname().empty()) {
    return write.ForbidNode(refused + "a service account");
  }
  const api::PodReferences references = api::ReferencesOf(pod);
  if (!references.secrets.empty()) return write.ForbidNode(refused + "secrets");
  if (!references.config_maps.empty()) return write.ForbidNode(refused + "configmaps");
  if (!references.claims.empty()) return write.ForbidNode(refused + "persistentvolumeclaims");
  return Ok();
}

Status CheckPod(const NodeWrite& write) {
  const std::string_view subresource = write.context.subresource;
  if (write.old == nullptr) return CheckNewPod(write, registry::Typed<core::Pod>(*write.object));
  const bool own = registry::Typed<core::Pod>(*write.old).spec().nodename() == write.node;
  if (write.object == nullptr && subresource == "eviction") {
    if (own) return Ok();
    return write.Forbid("node " + write.node +
                        " can only evict pods with spec.nodeName set to itself");
  }
  if (write.object == nullptr) {
    if (own) return Ok();
    return write.ForbidNode("can only delete pods with spec.nodeName set to itself");
  }
  if (subresource.empty()) {
    return write.Forbid("unexpected operation \"UPDATE\", node \"" + write.node +
                        "\" can only create and delete mirror pods");
  }
  if (subresource != "status") {
    return write.Forbid("unexpected pod subresource \"" + std::string(subresource) +
                        "\", only 'status' and 'eviction' are allowed");
  }
  if (!own) {
    return write.ForbidNode("can only update pod status for pods with spec.nodeName set to itself");
  }
  const auto& labels = api::MetaOf(*write.object).labels();
  if (api::SameLabels(labels, api::MetaOf(*write.old).labels())) return Ok();
  return write.ForbidNode("cannot update labels through pod status");
}

api::LabelMap LabelsOf(const Message& object) {
  const auto& labels = api::MetaOf(object).labels();
  return {labels.begin(), labels.end()};
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Status CheckNode(const NodeWrite& write) {
  const std::string& name = api::MetaOf(write.old != nullptr ? *write.old : *write.object).name();
  if (name != write.node) return write.ForbidNode("is not allowed to modify node \"" + name + "\"");
  if (write.object == nullptr) return Ok();
  const auto& node = registry::Typed<core::Node>(*write.object);
  if (write.old == nullptr) {
    const auto labels = ForbiddenNodeLabels(LabelsOf(node), {});
    if (labels.empty()) return Ok();
    return write.ForbidNode("is not allowed to set the following labels: " + Joined(labels));
  }
  const auto& old = registry::Typed<core::Node>(*write.old);
  // An owner that is not there would have the garbage collector delete the node, which then comes
  // back without the taints and labels that an administrator gave it. Source: CVE-2025-5187.
  const auto& owners = node.metadata().ownerreferences();
  const auto& owners_before = old.metadata().ownerreferences();
  if (!std::equal(owners.begin(), owners.end(), owners_before.begin(), owners_before.end(),
                  [](const auto& a, const auto& b) { return MessageDifferencer::Equals(a, b); })) {
    return write.ForbidNode("is not allowed to modify ownerReferences");
  }
  const auto& taints = node.spec().taints();
  const auto& before = old.spec().taints();
  if (!std::equal(taints.begin(), taints.end(), before.begin(), before.end(),
                  [](const auto& a, const auto& b) { return MessageDifferencer::Equals(a, b); })) {
    return write.ForbidNode("is not allowed to modify taints");
  }
  const auto labels = ForbiddenNodeLabels(LabelsOf(node), LabelsOf(old));
  if (labels.empty()) return Ok();
  return write.Forbid("is not allowed to modify labels: " + Joined(labels));
}

// A node gets tokens of its own pods only.
Status CheckToken(const NodeWrite& write) {
  const auto& ask = registry::Typed<TokenRequest>(*write.object);
  const auto& reference = ask.spec().boundobjectref();
  if (reference.kind() != "Pod" || reference.apiversion() != "v1" || reference.name().empty()) {
    return write.Forbid("node requested token not bound to a pod");
  }
  if (reference.uid().empty()) {
    return write.Forbid("node requested token with a pod binding without a uid");
  }
  const auto found =
      write.Find(api::KindOf<core::Pod>(), ask.metadata().namespace_(), reference.name());
  if (!found) return NotFoundError({"", "pods"}, reference.name());
  const auto& pod = registry::Typed<core::Pod>(*found);
  if (reference.uid() != pod.metadata().uid()) {
    return write.Forbid("the UID in the bound object reference (" + reference.uid() +
                        ") does not match the UID in record. The object might have been deleted "
                        "and then recreated");
  }
  if (pod.spec().nodename() == write.node) return Ok();
  return write.Forbid("node requested token bound to a pod scheduled on a different node");
}

Status CheckLease(const NodeWrite& write) {
  const auto& metadata = api::MetaOf(write.old != nullptr ? *write.old : *write.object);
  if (metadata.namespace_() != kLeaseNamespace) {
    return write.Forbid("can only access leases in the \"kube-node-lease\" system namespace");
  }
  if (metadata.name() == write.node) return Ok();
  return write.Forbid("can only access node lease with the same name as the requesting node");
}

Status CheckCSINode(const NodeWrite& write) {
  const auto& metadata = api::MetaOf(write.old != nullptr ? *write.old : *write.object);
  if (metadata.name() == write.node) return Ok();
  return write.Forbid("can only access CSINode with the same name as the requesting node");
}

class NodeRestriction : public registry::Admitter {
 public:
  Status Admit(const Context&, const api::KindInfo&, Message&, const Message*) const override {
    return Ok();
  }
  Status Restrict(const Context& context, const api::KindInfo& kind, const Message* object,
                  const Message* old) const override {
    if (context.user == nullptr) return Ok();
    const auto node = NodeOf(*context.user);
    if (!node) return Ok();
    const NodeWrite write{
        .context = context, .kind = kind, .node = *node, .object = object, .old = old};
    if (node->empty()) {
      return write.Forbid("could not determine node from user \"" + context.user->name + "\"");
    }
    if (kind.descriptor == core::Pod::descriptor()) return CheckPod(write);
    if (kind.descriptor == core::Node::descriptor()) return CheckNode(write);
    if (kind.descriptor == Lease::descriptor()) return CheckLease(write);
    if (kind.descriptor == api::storage::v1::CSINode::descriptor()) return CheckCSINode(write);
    const bool token =
        kind.descriptor == core::ServiceAccount::descriptor() && context.subresource == "token";
    if (token) return CheckToken(write);
    return Ok();
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeNodeRestriction() {
  return std::make_unique<NodeRestriction>();
}

}  // namespace wherry::apiserver::admission
