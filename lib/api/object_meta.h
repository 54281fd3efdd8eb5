#pragma once

#include "lib/json/json.h"

#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}
namespace wherry::api::meta::v1 {
class ListMeta;
class ObjectMeta;
class OwnerReference;
}  // namespace wherry::api::meta::v1

// metadata of any kind. A message without the field is a bug of the caller.
namespace wherry::api {

struct KindInfo;

const meta::v1::ObjectMeta& MetaOf(const google::protobuf::Message& object);
meta::v1::ObjectMeta* MutableMetaOf(google::protobuf::Message* object);
const meta::v1::ListMeta& ListMetaOf(const google::protobuf::Message& list);

// --- On documents: "" for what is absent or of another type.

std::string_view ApiVersionOf(const json::Value& object);
std::string_view KindNameOf(const json::Value& object);

// --- Owners

// The one marked controller, null when there is none.
const meta::v1::OwnerReference* ControllerOf(const meta::v1::ObjectMeta& metadata);
bool IsControlledBy(const meta::v1::ObjectMeta& metadata, std::string_view owner_uid);
// A controller reference with blockOwnerDeletion, as NewControllerRef makes.
void SetControllerReference(const google::protobuf::Message& owner, meta::v1::ObjectMeta* metadata);

bool HasFinalizer(const meta::v1::ObjectMeta& metadata, std::string_view finalizer);

}  // namespace wherry::api
