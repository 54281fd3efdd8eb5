#pragma once

#include "lib/api/kind_registry.h"
#include "lib/api/map_access.h"
#include "lib/api/schema.h"
#include "lib/base/check.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// The JSON form of a message, told to a sink piece by piece; codec.h's ToJson and ToDocument differ
// in the sink only. Included by .cpp files only.
//
// A sink has BeginObject, EndObject, BeginArray, EndArray, Key(FieldSchema), Key(text), String,
// Bool, Int, Double, Null, Bytes (written as base64), and Raw (bytes that should be JSON).
namespace wherry::api {

// Time, MicroTime, Duration, Quantity or IntOrString: their JSON form is text, a number, or null.
struct SpecialValue {
  enum class Form { kNull, kText, kInt } form = Form::kNull;
  std::string text;
  int64_t number = 0;
};
SpecialValue ReadSpecial(const google::protobuf::Message& message, ValueType type);
// RawExtension.raw or FieldsV1.Raw.
const std::string& ReadRaw(const google::protobuf::Message& message);

template <typename Sink>
class JsonWalk {
 public:
  explicit JsonWalk(Sink& sink) : sink_(sink) {}

  // `kind` is not null when apiVersion and kind are to be written.
  void Object(const google::protobuf::Message& message, const Schema& schema,
              const KindInfo* kind) {
    sink_.BeginObject();
    int type_meta = kind == nullptr ? 2 : 0;
    const Holder own(message);
    Holder inlined(message);
    const FieldDescriptor* inlined_by = nullptr;
    for (const FieldSchema& field : schema.fields()) {
      if (type_meta < 1 && field.name > "apiVersion") WriteTypeMeta(*kind, &type_meta);
      if (type_meta < 2 && field.name > "kind") WriteTypeMeta(*kind, &type_meta);
      if (field.path.size() == 1) {
        Field(own, field);
        continue;
      }
      if (inlined_by != field.path[0]) {
        inlined_by = field.path[0];
        inlined = Holder(own.reflection->GetMessage(message, inlined_by));
      }
      Field(inlined, field);
    }
    while (type_meta < 2) WriteTypeMeta(*kind, &type_meta);
    sink_.EndObject();
  }

  void Message(const google::protobuf::Message& message, const Schema& schema) {
    switch (schema.type()) {
      case ValueType::kObject:
        return Object(message, schema, nullptr);
      case ValueType::kRawJson:
        return sink_.Raw(ReadRaw(message));
      case ValueType::kArray:
        return StringList(message);
      default:
        return Special(ReadSpecial(message, schema.type()));
    }
  }

 private:
  using FieldDescriptor = google::protobuf::FieldDescriptor;
  using Proto = google::protobuf::Message;

  // A message and its reflection, which costs a call to get.
  struct Holder {
    explicit Holder(const Proto& of) : message(&of), reflection(of.GetReflection()) {}
    const Proto* message;
    const google::protobuf::Reflection* reflection;
  };

  void WriteTypeMeta(const KindInfo& kind, int* written) {
    if (*written == 0) {
      sink_.Key(std::string_view("apiVersion"));
      sink_.String(kind.ApiVersion());
    } else {
      sink_.Key(std::string_view("kind"));
      sink_.String(kind.kind);
    }
    ++*written;
  }

  void Field(const Holder& holder, const FieldSchema& field) {
    const FieldDescriptor* descriptor = field.path.back();
    const Proto& message = *holder.message;
    const auto* reflection = holder.reflection;
    if (field.schema->type() == ValueType::kMap) return Map(message, field, *descriptor);
    if (descriptor->is_repeated()) return Array(message, field, *descriptor);
    const bool has = reflection->HasField(message, descriptor);
    if (!has && !field.always) return;
    if (!has && field.nullable) {
      sink_.Key(field);
      return sink_.Null();
    }
    if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Proto& value = reflection->GetMessage(message, descriptor);
      if (!field.always && !field.nullable && value.ByteSizeLong() == 0) return;
      sink_.Key(field);
      return Message(value, *field.schema);
    }
    const bool even_empty = field.always || field.nullable;
    switch (descriptor->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        const std::string& value = reflection->GetStringReference(message, descriptor, &scratch);
        if (!even_empty && value.empty()) return;
        sink_.Key(field);
        return Text(value, *field.schema);
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        const bool value = reflection->GetBool(message, descriptor);
        if (!even_empty && !value) return;
        sink_.Key(field);
        return sink_.Bool(value);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        const double value = reflection->GetDouble(message, descriptor);
        if (!even_empty && value == 0) return;
        sink_.Key(field);
        return sink_.Double(value);
      }
      default: {
        const int64_t value = descriptor->cpp_type() == FieldDescriptor::CPPTYPE_INT32
                                  ? reflection->GetInt32(message, descriptor)
                                  : reflection->GetInt64(message, descriptor);
        if (!even_empty && value == 0) return;
        sink_.Key(field);
        return sink_.Int(value);
      }
    }
  }

  void Array(const Proto& message, const FieldSchema& field, const FieldDescriptor& descriptor) {
    const auto* reflection = message.GetReflection();
    const int size = reflection->FieldSize(message, &descriptor);
    if (size == 0 && !field.always) return;
    sink_.Key(field);
    sink_.BeginArray();
    const Schema& element = *field.schema->element();
    for (int i = 0; i < size; ++i) {
      switch (descriptor.cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          Message(reflection->GetRepeatedMessage(message, &descriptor, i), element);
          break;
        case FieldDescriptor::CPPTYPE_STRING: {
          std::string scratch;
          Text(reflection->GetRepeatedStringReference(message, &descriptor, i, &scratch), element);
          break;
        }
        case FieldDescriptor::CPPTYPE_INT32:
          sink_.Int(reflection->GetRepeatedInt32(message, &descriptor, i));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          sink_.Int(reflection->GetRepeatedInt64(message, &descriptor, i));
          break;
        default:
          CHECK_THAT(false, descriptor.full_name());
      }
    }
    sink_.EndArray();
  }

  void Map(const Proto& message, const FieldSchema& field, const FieldDescriptor& descriptor) {
    const Schema& element = *field.schema->element();
    if (descriptor.message_type()->map_value()->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const auto entries = GetMessageMap(message, descriptor);
      if (entries.empty() && !field.always) return;
      sink_.Key(field);
      sink_.BeginObject();
      for (const MessageEntry& entry : entries) {
        sink_.Key(std::string_view(*entry.key));
        Message(*entry.value, element);
      }
      return sink_.EndObject();
    }
    const StringMap& map = GetStringMap(message, descriptor);
    if (map.empty() && !field.always) return;
    std::vector<const StringMap::value_type*> entries;
    entries.reserve(map.size());
    for (const auto& entry : map) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    sink_.Key(field);
    sink_.BeginObject();
    for (const auto* entry : entries) {
      sink_.Key(std::string_view(entry->first));
      Text(entry->second, element);
    }
    sink_.EndObject();
  }

  void Text(const std::string& value, const Schema& schema) {
    if (schema.type() == ValueType::kBytes) {
      sink_.Bytes(value);
    } else {
      sink_.String(value);
    }
  }

  void StringList(const Proto& message) {
    const FieldDescriptor* items = message.GetDescriptor()->field(0);
    const auto* reflection = message.GetReflection();
    sink_.BeginArray();
    for (int i = 0; i < reflection->FieldSize(message, items); ++i) {
      std::string scratch;
      sink_.String(reflection->GetRepeatedStringReference(message, items, i, &scratch));
    }
    sink_.EndArray();
  }

  void Special(const SpecialValue& value) {
    switch (value.form) {
      case SpecialValue::Form::kNull:
        return sink_.Null();
      case SpecialValue::Form::kText:
        return sink_.String(value.text);
      case SpecialValue::Form::kInt:
        return sink_.Int(value.number);
    }
  }

  Sink& sink_;
};

}  // namespace wherry::api
