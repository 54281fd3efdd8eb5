#include "lib/api/object_meta.h"

#include "lib/api/kind_registry.h"
#include "lib/base/check.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

template <typename T>
const pb::FieldDescriptor& MetadataField(const pb::Message& object) {
  // In every kind it is the first field.
  const pb::FieldDescriptor* field = object.GetDescriptor()->FindFieldByNumber(1);
  CHECK_THAT(field != nullptr && field->message_type() == T::descriptor(),
             object.GetDescriptor()->full_name());
  return *field;
}

template <typename T>
const T& Get(const pb::Message& object) {
  const auto& field = MetadataField<T>(object);
  return static_cast<const T&>(object.GetReflection()->GetMessage(object, &field));
}

template <typename T>
T* Mutable(pb::Message* object) {
  const auto& field = MetadataField<T>(*object);
  return static_cast<T*>(object->GetReflection()->MutableMessage(object, &field));
}

const json::Value* Member(const json::Value& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto& members = object.get_ref<const json::Value::object_t&>();
  auto member = members.find(name);
  return member == members.end() ? nullptr : &member->second;
}

const std::string* Text(const json::Value* value) {
  return value != nullptr && value->is_string() ? &value->get_ref<const std::string&>() : nullptr;
}

std::string_view TextOrEmpty(const std::string* text) {
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

}  // namespace

const meta::v1::ObjectMeta& MetaOf(const pb::Message& object) {
  return Get<meta::v1::ObjectMeta>(object);
}
meta::v1::ObjectMeta* MutableMetaOf(pb::Message* object) {
  return Mutable<meta::v1::ObjectMeta>(object);
}
const meta::v1::ListMeta& ListMetaOf(const pb::Message& list) {
  return Get<meta::v1::ListMeta>(list);
}

std::string_view ApiVersionOf(const json::Value& object) {
  return TextOrEmpty(Text(Member(object, "apiVersion")));
}
std::string_view KindNameOf(const json::Value& object) {
  return TextOrEmpty(Text(Member(object, "kind")));
}

const meta::v1::OwnerReference* ControllerOf(const meta::v1::ObjectMeta& metadata) {
  for (const auto& owner : metadata.ownerreferences()) {
    if (owner.controller()) return &owner;
  }
  return nullptr;
}

bool IsControlledBy(const meta::v1::ObjectMeta& metadata, std::string_view owner_uid) {
  const meta::v1::OwnerReference* owner = ControllerOf(metadata);
  return owner != nullptr && owner->uid() == owner_uid;
}

void SetControllerReference(const pb::Message& owner, meta::v1::ObjectMeta* metadata) {
  const KindInfo& kind = KindOf(owner);
  const meta::v1::ObjectMeta& of = MetaOf(owner);
  meta::v1::OwnerReference* reference = metadata->add_ownerreferences();
  reference->set_apiversion(kind.ApiVersion());
  reference->set_kind(kind.kind);
  reference->set_name(of.name());
  reference->set_uid(of.uid());
  reference->set_controller(true);
  reference->set_blockownerdeletion(true);
}

bool HasFinalizer(const meta::v1::ObjectMeta& metadata, std::string_view finalizer) {
  return std::any_of(metadata.finalizers().begin(), metadata.finalizers().end(),
                     [&](const std::string& present) { return present == finalizer; });
}

}  // namespace wherry::api
