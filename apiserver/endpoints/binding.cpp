#include "apiserver/endpoints/check_names.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using api::core::v1::Pod;
using google::protobuf::Message;
using BindingObject = api::core::v1::Binding;

namespace {

// A binding writes spec.nodeName, which no ordinary update may.
class BindingStrategy : public registry::UpdateStrategy {
 public:
  void PrepareForUpdate(const registry::Context&, Message&, const Message&) const override {}
};

Status Validate(const BindingObject& binding) {
  api::field::ErrorList errors;
  api::field::Path target("target");
  const std::string& kind = binding.target().kind();
  if (!kind.empty() && kind != "Node") {
    errors.NotSupported(target.Child("kind"), kind, {"Node", "<empty>"});
  }
  if (binding.target().name().empty()) errors.Required(target.Child("name"));
  if (errors.empty()) return Ok();
  return errors.ToError("", "Binding", binding.metadata().name());
}

void SetScheduled(Pod& pod, WallTime now) {
  constexpr std::string_view kScheduled = "PodScheduled";
  api::core::v1::PodCondition* condition = nullptr;
  for (auto& one : *pod.mutable_status()->mutable_conditions()) {
    if (one.type() == kScheduled) condition = &one;
  }
  if (condition == nullptr) condition = pod.mutable_status()->add_conditions();
  if (condition->status() != "True") api::SetTime(condition->mutable_lasttransitiontime(), now);
  condition->set_type(std::string(kScheduled));
  condition->set_status("True");
  condition->clear_reason();
  condition->clear_message();
}

// Source: pkg/registry/core/pod/storage (assignPod, setPodHostAndAnnotations).
Result<std::unique_ptr<Message>> Bound(const Message& current, const BindingObject& binding,
                                       WallTime now) {
  auto pod = std::make_unique<Pod>(registry::Typed<Pod>(current));
  const std::string& name = pod->metadata().name();
  ResourceName resource{"", "pods/binding"};
  const std::string& uid = binding.metadata().uid();
  if (!uid.empty() && uid != pod->metadata().uid()) {
    return ConflictError(resource, name,
                         "Precondition failed: UID in precondition: " + uid +
                             ", UID in object meta: " + pod->metadata().uid());
  }
  if (pod->metadata().has_deletiontimestamp()) {
    return ConflictError(resource, name,
                         "pod " + name + " is being deleted, cannot be assigned to a host");
  }
  if (!pod->spec().nodename().empty()) {
    return ConflictError(
        resource, name,
        "pod " + name + " is already assigned to node \"" + pod->spec().nodename() + "\"");
  }
  if (pod->spec().schedulinggates_size() > 0) {
    return ConflictError(resource, name, "pod " + name + " has non-empty .spec.schedulingGates");
  }
  pod->mutable_spec()->set_nodename(binding.target().name());
  for (const auto& [key, value] : binding.metadata().annotations()) {
    (*pod->mutable_metadata()->mutable_annotations())[key] = value;
  }
  SetScheduled(*pod, now);
  return std::unique_ptr<Message>(std::move(pod));
}

}  // namespace

Reply Binding(Environment& environment, const Resource& resource, ApiRequest& request) {
  static const BindingStrategy strategy;
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "CreateOptions"));
  CO_TRY(std::shared_ptr<const Message> body,
         DecodeBody(request, api::KindOf<BindingObject>(), parameters.field_validation));
  const auto& binding = registry::Typed<BindingObject>(*body);
  CO_TRY_STATUS(CheckNamespace(request.info, *body));
  // POST .../bindings names the pod in the body, POST .../pods/NAME/binding in the path.
  std::string name = request.info.named ? request.info.name : binding.metadata().name();
  if (request.info.named && !binding.metadata().name().empty() &&
      binding.metadata().name() != name) {
    co_return BadRequestError("name in URL does not match name in Binding object");
  }
  if (name.empty()) co_return BadRequestError("name is required");
  CO_TRY_STATUS(Validate(binding));
  registry::UpdateRequest update;
  update.ns = request.info.ns;
  update.name = name;
  update.strategy = &strategy;
  update.updater = [body, &environment](const Message* current) {
    return Bound(*current, registry::Typed<BindingObject>(*body), environment.world.clock.Now());
  };
  registry::Caller caller = CallerOf(request, parameters);
  caller.subresource = "binding";
  auto updating = environment.store.Update(resource, std::move(caller), std::move(update));
  CO_TRY_STATUS(co_await std::move(updating));
  co_return SuccessResponse(201, resource.name(), "", "", request.accepted);
}

}  // namespace wherry::apiserver::endpoints
