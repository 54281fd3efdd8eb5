#include "lib/api/base64.h"
#include "lib/api/codec.h"
#include "lib/api/intstr.h"
#include "lib/api/map_access.h"
#include "lib/api/message_fields.h"
#include "lib/api/scalars.h"
#include "lib/api/time.h"
#include "lib/base/check.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;
using json::Value;

Status FillMessage(const Value& value, const Schema& schema, const Place& place,
                   pb::Message* message);

// Text or bytes; null is empty.
std::string TextOf(const Value& value, const Schema& schema) {
  if (value.is_null()) return "";
  return schema.type() == ValueType::kBytes ? BytesOf(value) : value.get<std::string>();
}

Status FillMap(const Value& value, const Schema& schema, const Place& place, pb::Message* message,
               const pb::FieldDescriptor& field) {
  if (!value.is_object()) return TypeError(value, schema, place);
  const Schema& element = *schema.element();
  const bool messages =
      field.message_type()->map_value()->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  StringMap* texts = messages ? nullptr : MutableStringMap(message, field);
  for (const auto& [key, item] : value.get_ref<const Value::object_t&>()) {
    const Place here{.parent = &place, .owner = &schema, .key = &key};
    if (messages) {
      pb::Message* target = MutableMessageMapValue(message, field, key);
      if (!item.is_null()) TRY_STATUS(FillMessage(item, element, here, target));
      continue;
    }
    if (!item.is_null()) TRY_STATUS(CheckScalar(item, element, here));
    (*texts)[key] = TextOf(item, element);
  }
  return Ok();
}

Status FillArray(const Value& value, const Schema& schema, const Place& place, pb::Message* message,
                 const pb::FieldDescriptor& field) {
  if (!value.is_array()) return TypeError(value, schema, place);
  const pb::Reflection* reflection = message->GetReflection();
  const Schema& element = *schema.element();
  size_t index = 0;
  for (const Value& item : value.get_ref<const Value::array_t&>()) {
    const Place here{.parent = &place, .owner = &schema, .index = index++};
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      pb::Message* target = reflection->AddMessage(message, &field);
      if (!item.is_null()) TRY_STATUS(FillMessage(item, element, here, target));
      continue;
    }
    if (!item.is_null()) TRY_STATUS(CheckScalar(item, element, here));
    int64_t number = 0;
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING:
        reflection->AddString(message, &field, TextOf(item, element));
        break;
      case pb::FieldDescriptor::CPPTYPE_INT32:
        Ignore(ReadInteger(item, ValueType::kInt32, &number), "null is 0");
        reflection->AddInt32(message, &field, static_cast<int32_t>(number));
        break;
      case pb::FieldDescriptor::CPPTYPE_INT64:
        Ignore(ReadInteger(item, ValueType::kInt64, &number), "null is 0");
        reflection->AddInt64(message, &field, number);
        break;
      default:
        CHECK_THAT(false, field.full_name());
    }
  }
  return Ok();
}

Status FillField(const Value& value, const FieldSchema& field, const Place& place,
                 pb::Message* message) {
  for (size_t i = 0; i + 1 < field.path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(message, field.path[i]);
  }
  const pb::FieldDescriptor& descriptor = *field.path.back();
  const Schema& schema = *field.schema;
  const pb::Reflection* reflection = message->GetReflection();
  if (schema.type() == ValueType::kMap) return FillMap(value, schema, place, message, descriptor);
  if (descriptor.is_repeated()) return FillArray(value, schema, place, message, descriptor);
  if (descriptor.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    return FillMessage(value, schema, place, reflection->MutableMessage(message, &descriptor));
  }
  TRY_STATUS(CheckScalar(value, schema, place));
  switch (descriptor.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(message, &descriptor, TextOf(value, schema));
      break;
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      reflection->SetBool(message, &descriptor, value.get<bool>());
      break;
    case pb::FieldDescriptor::CPPTYPE_INT32:
      reflection->SetInt32(message, &descriptor, value.get<int32_t>());
      break;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      reflection->SetInt64(message, &descriptor, value.get<int64_t>());
      break;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      reflection->SetDouble(message, &descriptor, value.get<double>());
      break;
    default:
      CHECK_THAT(false, descriptor.full_name());
  }
  return Ok();
}

Status FillMessage(const Value& value, const Schema& schema, const Place& place,
                   pb::Message* message) {
  if (schema.type() == ValueType::kArray) {
    return FillArray(value, schema, place, message, *message->GetDescriptor()->field(0));
  }
  if (schema.type() != ValueType::kObject) {
    TRY_STATUS(CheckScalar(value, schema, place));
    SetSpecial(value, schema.type(), message);
    return Ok();
  }
  if (!value.is_object()) return TypeError(value, schema, place);
  for (const auto& [name, member] : value.get_ref<const Value::object_t&>()) {
    if (member.is_null()) continue;
    const FieldSchema* field = schema.Find(name);
    if (field == nullptr) continue;
    const Place here{.parent = &place, .owner = &schema, .field = field};
    TRY_STATUS(FillField(member, *field, here, message));
  }
  return Ok();
}

}  // namespace

std::string BytesOf(const Value& value) {
  auto bytes = DecodeBase64(value.get_ref<const std::string&>());
  return bytes.ok() ? std::move(bytes).value() : std::string();
}

void SetSpecial(const Value& value, ValueType type, pb::Message* message) {
  switch (type) {
    case ValueType::kTime: {
      auto time = ParseTime(value.get_ref<const std::string&>());
      if (time.ok()) static_cast<meta::v1::Time*>(message)->set_seconds(time->seconds);
      return;
    }
    case ValueType::kMicroTime: {
      auto time = ParseTime(value.get_ref<const std::string&>());
      if (!time.ok()) return;
      static_cast<meta::v1::MicroTime*>(message)->set_seconds(time->seconds);
      static_cast<meta::v1::MicroTime*>(message)->set_nanos(time->nanos / 1000 * 1000);
      return;
    }
    case ValueType::kDuration: {
      auto duration = ParseDuration(value.get_ref<const std::string&>());
      if (duration.ok()) static_cast<meta::v1::Duration*>(message)->set_duration(duration->count());
      return;
    }
    case ValueType::kQuantity:
      return static_cast<meta::v1::Quantity*>(message)->set_string(CanonicalQuantity(value));
    case ValueType::kIntOrString: {
      auto* target = static_cast<meta::v1::IntOrString*>(message);
      if (value.is_string()) return SetString(target, value.get_ref<const std::string&>());
      return SetInt(target, value.get<int32_t>());
    }
    case ValueType::kRawJson: {
      const pb::FieldDescriptor* raw = message->GetDescriptor()->field(0);
      return message->GetReflection()->SetString(message, raw, json::Dump(value));
    }
    default:
      CHECK_THAT(false, message->GetTypeName());
  }
}

Status SetField(const Value& value, const FieldSchema& field, pb::Message* message) {
  return FillField(value, field, Place(), message);
}

Status FromDocument(const Value& document, const Schema& schema, pb::Message* message) {
  CHECK_THAT(schema.descriptor() == message->GetDescriptor(), message->GetTypeName());
  return FillMessage(document, schema, Place(), message);
}

Status FromDocument(const Value& document, pb::Message* message) {
  return FromDocument(document, Schema::Of(*message->GetDescriptor()), message);
}

}  // namespace wherry::api
