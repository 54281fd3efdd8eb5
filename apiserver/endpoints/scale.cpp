#include "apiserver/endpoints/check_names.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/endpoints/patch_body.h"
#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/labels.h"
#include "lib/api/object_meta.h"
#include "proto/api/autoscaling/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace wherry::apiserver::endpoints {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ScaleObject = api::autoscaling::v1::Scale;

namespace {

// A field named by a path of objects (".spec.replicas"), and the message it is in.
struct Place {
  Message* holder = nullptr;
  const FieldDescriptor* field = nullptr;
};

Place Find(Message& object, std::string_view path) {
  Place place{&object, nullptr};
  while (!path.empty()) {
    path.remove_prefix(1);
    size_t dot = path.find('.');
    std::string name(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot);
    place.field = place.holder->GetDescriptor()->FindFieldByName(name);
    if (place.field == nullptr) return {};
    if (!path.empty()) {
      place.holder = place.holder->GetReflection()->MutableMessage(place.holder, place.field);
    }
  }
  return place;
}

int32_t ReadInt(const Message& object, std::string_view path) {
  std::unique_ptr<Message> copy(object.New());
  copy->CopyFrom(object);
  Place place = Find(*copy, path);
  return place.field == nullptr
             ? 0
             : place.holder->GetReflection()->GetInt32(*place.holder, place.field);
}

std::string ReadSelector(const Message& object, std::string_view path) {
  if (path.empty()) return "";
  std::unique_ptr<Message> copy(object.New());
  copy->CopyFrom(object);
  Place place = Find(*copy, path);
  if (place.field == nullptr) return "";
  if (place.field->is_map()) {
    json::Value document = api::ToDocument(*place.holder);
    api::LabelMap labels;
    for (const auto& [key, value] : document["selector"].items()) {
      labels[key] = value.get<std::string>();
    }
    return api::Selector::FromMap(labels).String();
  }
  const Message& selector = place.holder->GetReflection()->GetMessage(*place.holder, place.field);
  const auto* label_selector = dynamic_cast<const api::meta::v1::LabelSelector*>(&selector);
  if (label_selector == nullptr) return "";
  auto parsed = api::Selector::FromLabelSelector(*label_selector);
  return parsed.ok() ? parsed->String() : "";
}

ScaleObject ScaleOf(const Message& object, const registry::ScalePaths& paths) {
  ScaleObject scale;
  const auto& from = api::MetaOf(object);
  auto* to = scale.mutable_metadata();
  to->set_name(from.name());
  to->set_namespace_(from.namespace_());
  to->set_uid(from.uid());
  to->set_resourceversion(from.resourceversion());
  *to->mutable_creationtimestamp() = from.creationtimestamp();
  scale.mutable_spec()->set_replicas(ReadInt(object, paths.spec_replicas));
  scale.mutable_status()->set_replicas(ReadInt(object, paths.status_replicas));
  std::string selector = ReadSelector(object, paths.selector);
  if (!selector.empty()) scale.mutable_status()->set_selector(selector);
  return scale;
}

Status Validate(const ScaleObject& scale) {
  if (scale.spec().replicas() >= 0) return Ok();
  api::field::ErrorList errors;
  errors.Invalid(api::field::Path("spec").Child("replicas"), scale.spec().replicas(),
                 "must be greater than or equal to 0");
  return errors.ToError("autoscaling", "Scale", scale.metadata().name());
}

// The object with the scale's replicas, on the conditions that the scale's metadata names.
Result<std::unique_ptr<Message>> Scaled(const Message& current, const ScaleObject& scale,
                                        const registry::ScalePaths& paths) {
  TRY_STATUS(Validate(scale));
  std::unique_ptr<Message> object(current.New());
  object->CopyFrom(current);
  auto* metadata = api::MutableMetaOf(object.get());
  if (!scale.metadata().resourceversion().empty()) {
    metadata->set_resourceversion(scale.metadata().resourceversion());
  }
  if (!scale.metadata().uid().empty()) metadata->set_uid(scale.metadata().uid());
  Place place = Find(*object, paths.spec_replicas);
  place.holder->GetReflection()->SetInt32(place.holder, place.field, scale.spec().replicas());
  return object;
}

http::Response ScaleReply(const Message& object, const registry::ScalePaths& paths,
                          const ApiRequest& request) {
  ScaleObject scale = ScaleOf(object, paths);
  if (request.http.wants_objects) {
    http::Response response;
    response.object = std::make_shared<ScaleObject>(std::move(scale));
    return response;
  }
  return MessageResponse(200, scale, request.accepted);
}

// Patches the Scale that the object shows.
Result<std::unique_ptr<Message>> PatchedScale(const Message& current,
                                              const registry::ScalePaths& paths,
                                              const PatchBody& patch, ApiRequest& request,
                                              FieldValidation validation) {
  const api::KindInfo& kind = api::KindOf<ScaleObject>();
  ScaleObject before = ScaleOf(current, paths);
  TRY(json::Value document, patch.Apply(api::ToDocument(before), *kind.schema));
  if (!document.is_object()) return BadRequestError("the patch leaves no object");
  request.warnings.clear();
  TRY(std::unique_ptr<Message> scale,
      MessageFromDocument(kind, document, request, validation, patch.duplicates()));
  TRY_STATUS(CheckNames(request.info, *scale));
  return scale;
}

}  // namespace

Reply Scale(Environment& environment, const Resource& resource, ApiRequest& request) {
  registry::ScalePaths paths = *resource.strategy->Scale();
  const std::string& ns = request.info.ns;
  const std::string& name = request.info.name;
  if (request.info.verb == "get") {
    auto object = environment.store.Get(resource, ns, name);
    if (!object) co_return NotFoundError(resource.name(), name);
    CO_TRY(auto message, object->message());
    co_return ScaleReply(*message, paths, request);
  }
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "UpdateOptions"));
  registry::UpdateRequest update;
  update.ns = ns;
  update.name = name;
  if (request.info.verb == "patch") {
    CO_TRY_STATUS(CheckSmallBody(request));
    CO_TRY(PatchBody patch, PatchBody::Parse(request));
    update.updater = [patch, paths, &request,
                      parameters](const Message* current) -> Result<std::unique_ptr<Message>> {
      TRY(std::unique_ptr<Message> scale,
          PatchedScale(*current, paths, patch, request, parameters.field_validation));
      return Scaled(*current, registry::Typed<ScaleObject>(*scale), paths);
    };
  } else {
    CO_TRY(std::shared_ptr<const Message> body,
           DecodeBody(request, api::KindOf<ScaleObject>(), parameters.field_validation));
    CO_TRY_STATUS(CheckNames(request.info, *body));
    update.updater = [body, paths](const Message* current) -> Result<std::unique_ptr<Message>> {
      return Scaled(*current, registry::Typed<ScaleObject>(*body), paths);
    };
  }
  auto updating =
      environment.store.Update(resource, CallerOf(request, parameters), std::move(update));
  CO_TRY(registry::Written written, co_await std::move(updating));
  ObjectView view{std::move(written.object), std::move(written.message)};
  CO_TRY(auto message, view.AsMessage());
  co_return ScaleReply(*message, paths, request);
}

}  // namespace wherry::apiserver::endpoints
