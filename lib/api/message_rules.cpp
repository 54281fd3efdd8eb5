// Defaults and canonical values on messages.

#include "lib/api/codec.h"
#include "lib/api/map_access.h"
#include "lib/api/message_fields.h"
#include "lib/api/quantity.h"
#include "lib/base/check.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <vector>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

// A scalar that a Go struct would show as its zero value.
bool IsZeroScalar(const pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::Reflection* reflection = message.GetReflection();
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      return reflection->GetStringReference(message, &field, &scratch).empty();
    }
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return !reflection->GetBool(message, &field);
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return reflection->GetInt32(message, &field) == 0;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return reflection->GetInt64(message, &field) == 0;
    default:
      return false;
  }
}

void DefaultFields(pb::Message* message, const Schema& schema);

void DefaultPresent(pb::Message* message, const FieldSchema& field) {
  const pb::FieldDescriptor* descriptor = field.path.back();
  const pb::Reflection* reflection = message->GetReflection();
  // No map's values have defaults.
  if (descriptor->is_map()) return;
  if (!descriptor->is_repeated()) {
    return DefaultFields(reflection->MutableMessage(message, descriptor), *field.schema);
  }
  for (int i = 0; i < reflection->FieldSize(*message, descriptor); ++i) {
    DefaultFields(reflection->MutableRepeatedMessage(message, descriptor, i),
                  *field.schema->element());
  }
}

void DefaultField(pb::Message* message, const FieldSchema& field) {
  const pb::FieldDescriptor* descriptor = field.path.back();
  const pb::Reflection* reflection = message->GetReflection();
  const bool repeated = descriptor->is_repeated();
  const bool has = repeated ? reflection->FieldSize(*message, descriptor) > 0
                            : reflection->HasField(*message, descriptor);
  if (field.default_value != nullptr) {
    if (has && (repeated || field.nullable || !IsZeroScalar(*message, *descriptor))) {
      if (field.schema->has_defaults()) DefaultPresent(message, field);
      return;
    }
    reflection->ClearField(message, descriptor);
    FieldSchema here = field;
    here.path = {descriptor};
    CHECK_OK(SetField(*field.default_value, here, message));
    return;
  }
  if (has || (field.always && !field.nullable)) DefaultPresent(message, field);
}

void DefaultFields(pb::Message* message, const Schema& schema) {
  if (schema.type() != ValueType::kObject) return;
  const pb::Reflection* reflection = message->GetReflection();
  for (const FieldSchema& field : schema.fields()) {
    if (field.default_value == nullptr && !field.schema->has_defaults()) continue;
    if (field.path.size() == 1) {
      DefaultField(message, field);
    } else if (field.default_value != nullptr || reflection->HasField(*message, field.path[0])) {
      DefaultField(reflection->MutableMessage(message, field.path[0]), field);
    }
  }
}

Status CanonicalizeQuantity(meta::v1::Quantity* message) {
  if (message->string().empty()) return Ok();
  auto parsed = Quantity::Parse(message->string());
  if (!parsed.ok()) return std::move(parsed).error().Wrap("quantity '" + message->string() + "'");
  parsed->To(message);
  return Ok();
}

Status CheckRaw(const pb::Message& message) {
  std::string scratch;
  const std::string& raw = message.GetReflection()->GetStringReference(
      message, message.GetDescriptor()->field(0), &scratch);
  if (raw.empty()) return Ok();
  if (HasProtobufMagic(raw)) {
    TRY_STATUS(FromProtobuf(raw));
    return Ok();
  }
  auto parsed = json::Parse(raw);
  if (!parsed.ok()) return std::move(parsed).error();
  return Ok();
}

Status CanonicalizeField(pb::Message* message, const pb::FieldDescriptor* field) {
  const pb::Reflection* reflection = message->GetReflection();
  if (field->is_map()) {
    if (field->message_type()->map_value()->message_type() != meta::v1::Quantity::descriptor()) {
      return Ok();
    }
    for (const MessageEntry& entry : GetMessageMap(*message, *field)) {
      auto* value = MutableMessageMapValue(message, *field, *entry.key);
      TRY_STATUS(CanonicalizeQuantity(static_cast<meta::v1::Quantity*>(value)));
    }
    return Ok();
  }
  if (!field->is_repeated()) {
    return CanonicalizeMessage(reflection->MutableMessage(message, field));
  }
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    TRY_STATUS(CanonicalizeMessage(reflection->MutableRepeatedMessage(message, field, i)));
  }
  return Ok();
}

}  // namespace

void ApplyDefaults(pb::Message* message) {
  const Schema& schema = Schema::Of(*message->GetDescriptor());
  if (schema.has_defaults()) DefaultFields(message, schema);
}

Status CanonicalizeMessage(pb::Message* message) {
  const Schema& schema = Schema::Of(*message->GetDescriptor());
  if (schema.type() == ValueType::kQuantity) {
    return CanonicalizeQuantity(static_cast<meta::v1::Quantity*>(message));
  }
  if (schema.type() == ValueType::kRawJson) return CheckRaw(*message);
  if (schema.type() != ValueType::kObject) return Ok();
  std::vector<const pb::FieldDescriptor*> set;
  message->GetReflection()->ListFields(*message, &set);
  for (const pb::FieldDescriptor* field : set) {
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      TRY_STATUS(CanonicalizeField(message, field));
    }
  }
  return Ok();
}

}  // namespace wherry::api
