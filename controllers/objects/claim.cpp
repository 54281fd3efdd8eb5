#include "controllers/objects/claim.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
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

Task<Result<std::vector<client::MessagePtr>>> ClaimObjects(
    client::ApiClient& client, client::MessagePtr controller, api::Selector selector,
    std::vector<client::MessagePtr> candidates) {
  std::vector<client::MessagePtr> claimed;
  const auto& owner = api::MetaOf(*controller);
  bool checked = false;
  for (const auto& object : candidates) {
    const Claim claim = DecideClaim(owner, selector, *object);
    if (claim == Claim::kKeep) claimed.push_back(object);
    if (claim == Claim::kIgnore || claim == Claim::kKeep) continue;
    const bool adopt = claim == Claim::kAdopt;
    if (adopt && !checked) {
      CO_TRY(checked, co_await StillExists(client, controller));
      if (!checked) co_return claimed;
    }
    const auto& meta = api::MetaOf(*object);
    std::string patch = adopt ? AdoptPatch(*controller, meta) : ReleasePatch(owner, meta);
    auto patched = co_await client.Patch(api::KindOf(*object), meta.namespace_(), meta.name(),
                                         client::PatchType::kStrategicMerge, std::move(patch), "");
    if (patched.ok()) {
      if (adopt) claimed.push_back(*patched);
      continue;
    }
    // Gone meanwhile, or no longer ours to release.
    const Reason reason = patched.error().reason;
    if (reason != Reason::kNotFound && (adopt || reason != Reason::kInvalid))
      co_return std::move(patched).error();
  }
  co_return claimed;
}

}  // namespace wherry::controllers
