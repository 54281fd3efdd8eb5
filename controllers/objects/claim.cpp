#include "controllers/objects/claim.h"

#include "controllers/objects/pod_state.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::controllers {

Claim DecideClaim(const metav1::ObjectMeta& controller, const api::Selector& selector,
                  const google::protobuf::Message& object) {
  const auto& meta = api::MetaOf(object);
  if (meta.namespace_() != controller.namespace_()) return Claim::kIgnore;
  const bool matches = selector.Matches(object);
  const auto* owner = api::ControllerOf(meta);
  if (owner != nullptr) {
    if (owner->uid() != controller.uid()) return Claim::kIgnore;
    if (matches) return Claim::kKeep;
    return IsBeingDeleted(controller) ? Claim::kIgnore : Claim::kRelease;
  }
  if (!matches || IsBeingDeleted(controller) || IsBeingDeleted(meta)) return Claim::kIgnore;
  return Claim::kAdopt;
}

std::string AdoptPatch(const google::protobuf::Message& controller,
                       const metav1::ObjectMeta& object) {
  const auto& kind = api::KindOf(controller);
  const auto& owner = api::MetaOf(controller);
  const json::Value reference = {{"apiVersion", kind.ApiVersion()},
                                 {"kind", kind.kind},
                                 {"name", owner.name()},
                                 {"uid", owner.uid()},
                                 {"controller", true},
                                 {"blockOwnerDeletion", true}};
  const json::Value patch = {
      {"metadata", {{"ownerReferences", json::Value::array({reference})}, {"uid", object.uid()}}}};
  return json::Dump(patch);
}

std::string ReleasePatch(const metav1::ObjectMeta& controller, const metav1::ObjectMeta& object) {
  const json::Value removal = {{"$patch", "delete"}, {"uid", controller.uid()}};
  const json::Value patch = {
      {"metadata", {{"ownerReferences", json::Value::array({removal})}, {"uid", object.uid()}}}};
  return json::Dump(patch);
}

}  // namespace wherry::controllers
