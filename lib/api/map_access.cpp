#include "lib/api/map_access.h"

#include "lib/base/check.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/authorization/v1.pb.h"
#include "proto/api/certificates/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/map_field.h>

#include <algorithm>

// A name that protobuf 3.21 befriends and leaves to its users to define
// (google/protobuf/message.h).
namespace google::protobuf::expr {
class CelMapReflectionFriend {
 public:
  static const internal::MapFieldBase* Get(const Message& message, const FieldDescriptor& field) {
    return message.GetReflection()->GetMapData(message, &field);
  }
  static internal::MapFieldBase* Mutable(Message* message, const FieldDescriptor& field) {
    return message->GetReflection()->MutableMapData(message, &field);
  }
};
}  // namespace google::protobuf::expr

namespace wherry::api {
namespace {

namespace pb = google::protobuf;
using Friend = pb::expr::CelMapReflectionFriend;

template <typename T>
const pb::Map<std::string, T>& Get(const pb::Message& message, const pb::FieldDescriptor& field) {
  const auto* data = Friend::Get(message, field);
  return static_cast<const pb::internal::TypeDefinedMapFieldBase<std::string, T>*>(data)->GetMap();
}

template <typename T>
pb::Map<std::string, T>* Mutable(pb::Message* message, const pb::FieldDescriptor& field) {
  auto* data = Friend::Mutable(message, field);
  return static_cast<pb::internal::TypeDefinedMapFieldBase<std::string, T>*>(data)->MutableMap();
}

void CheckStringMap(const pb::FieldDescriptor& field) {
  CHECK_THAT(field.is_map(), field.full_name());
  const auto type = field.message_type()->map_value()->cpp_type();
  CHECK_THAT(type == pb::FieldDescriptor::CPPTYPE_STRING, field.full_name());
}

template <typename T>
std::vector<MessageEntry> Entries(const pb::Message& message, const pb::FieldDescriptor& field) {
  std::vector<MessageEntry> entries;
  for (const auto& [key, value] : Get<T>(message, field)) entries.push_back({&key, &value});
  std::sort(entries.begin(), entries.end(),
            [](const MessageEntry& a, const MessageEntry& b) { return *a.key < *b.key; });
  return entries;
}

template <typename T>
struct TypeTag {
  using Value = T;
};

// Calls `use` with the C++ type of the map's values; the API has these five.
template <typename Use>
auto WithValueType(const pb::FieldDescriptor& field, Use use) {
  const pb::Descriptor* type = field.message_type()->map_value()->message_type();
  if (type == meta::v1::Quantity::descriptor()) return use(TypeTag<meta::v1::Quantity>());
  if (type == meta::v1::Time::descriptor()) return use(TypeTag<meta::v1::Time>());
  if (type == authentication::v1::ExtraValue::descriptor()) {
    return use(TypeTag<authentication::v1::ExtraValue>());
  }
  if (type == authorization::v1::ExtraValue::descriptor()) {
    return use(TypeTag<authorization::v1::ExtraValue>());
  }
  CHECK_THAT(type == certificates::v1::ExtraValue::descriptor(), field.full_name());
  return use(TypeTag<certificates::v1::ExtraValue>());
}

}  // namespace

const StringMap& GetStringMap(const pb::Message& message, const pb::FieldDescriptor& field) {
  CheckStringMap(field);
  return Get<std::string>(message, field);
}

StringMap* MutableStringMap(pb::Message* message, const pb::FieldDescriptor& field) {
  CheckStringMap(field);
  return Mutable<std::string>(message, field);
}

std::vector<MessageEntry> GetMessageMap(const pb::Message& message,
                                        const pb::FieldDescriptor& field) {
  return WithValueType(
      field, [&](auto type) { return Entries<typename decltype(type)::Value>(message, field); });
}

pb::Message* MutableMessageMapValue(pb::Message* message, const pb::FieldDescriptor& field,
                                    const std::string& key) {
  return WithValueType(field, [&](auto type) -> pb::Message* {
    return &(*Mutable<typename decltype(type)::Value>(message, field))[key];
  });
}

}  // namespace wherry::api
