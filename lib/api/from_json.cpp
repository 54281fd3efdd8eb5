// JSON text straight into messages.

#include "lib/api/codec.h"
#include "lib/api/map_access.h"
#include "lib/api/message_fields.h"
#include "lib/api/scalars.h"
#include "lib/base/check.h"
#include "lib/json/reader.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <bitset>
#include <limits>
#include <set>
#include <utility>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;
using json::Reader;
using FieldDescriptor = pb::FieldDescriptor;

class Decoder {
 public:
  Decoder(Reader& reader, JsonFindings* findings) : reader_(reader), findings_(findings) {}

  Status Top(const Schema& schema, pb::Message* message) {
    top_ = message;
    TRY_STATUS(ReadMessage(schema, Place(), message));
    if (!reader_.End()) return reader_.error();
    return Ok();
  }

 private:
  // The members of one object that were there already.
  struct Seen {
    std::bitset<kMaxFields> fields;
    std::set<std::string> others;
  };

  // A value of the wrong type, or no value at all.
  Error WrongType(const Schema& schema, const Place& place) {
    json::Value found;
    if (!reader_.ReadValue(&found)) return reader_.error();
    return TypeError(found, schema, place);
  }

  Status ReadMessage(const Schema& schema, const Place& place, pb::Message* message) {
    if (schema.type() == ValueType::kObject) return ReadObject(schema, place, message);
    if (schema.type() == ValueType::kArray) {
      return ReadArray(schema, place, message, *message->GetDescriptor()->field(0));
    }
    json::Value value;
    if (!reader_.ReadValue(&value)) return reader_.error();
    TRY_STATUS(CheckScalar(value, schema, place));
    SetSpecial(value, schema.type(), message);
    return Ok();
  }

  Status ReadObject(const Schema& schema, const Place& place, pb::Message* message) {
    if (reader_.Next() != Reader::Kind::kObject) return WrongType(schema, place);
    if (!reader_.BeginObject()) return reader_.error();
    Seen seen;
    Reader::Scope scope;
    std::string name;
    while (reader_.NextMember(scope, &name)) {
      if (const FieldSchema* field = schema.Find(name)) {
        TRY_STATUS(ReadMember(schema, place, *field, seen, message));
      } else {
        TRY_STATUS(ReadOther(schema, place, name, seen, message));
      }
    }
    if (!reader_.ok()) return reader_.error();
    return Ok();
  }

  Status ReadMember(const Schema& schema, const Place& place, const FieldSchema& field, Seen& seen,
                    pb::Message* message) {
    const Place here{.parent = &place, .owner = &schema, .field = &field};
    const auto position = static_cast<size_t>(&field - schema.fields().data());
    pb::Message* holder = message;
    if (seen.fields[position]) {
      // The later one wins.
      if (findings_ != nullptr) findings_->duplicates.push_back({.path = here.Path()});
      if (field.path.size() > 1) holder = Inlined(message, field);
      holder->GetReflection()->ClearField(holder, field.path.back());
    }
    seen.fields[position] = true;
    if (reader_.Next() == Reader::Kind::kNull) return ReadNull();
    if (field.path.size() > 1) holder = Inlined(message, field);
    return ReadField(field, here, holder);
  }

  static pb::Message* Inlined(pb::Message* message, const FieldSchema& field) {
    return message->GetReflection()->MutableMessage(message, field.path[0]);
  }

  // apiVersion and kind, or a member the schema does not name.
  Status ReadOther(const Schema& schema, const Place& place, const std::string& name, Seen& seen,
                   pb::Message* message) {
    const Place here{.parent = &place, .owner = &schema, .key = &name};
    const bool type_meta = schema.has_type_meta() && (name == "apiVersion" || name == "kind");
    if (findings_ != nullptr) {
      const bool fresh = seen.others.insert(name).second;
      if (!fresh) {
        findings_->duplicates.push_back({.path = here.Path()});
      } else if (!type_meta) {
        findings_->unknown_fields.push_back(here.Path());
      }
    }
    if (!type_meta) {
      if (!reader_.Skip()) return reader_.error();
      return Ok();
    }
    std::string text;
    if (reader_.Next() == Reader::Kind::kNull) {
      TRY_STATUS(ReadNull());
    } else if (reader_.Next() == Reader::Kind::kString) {
      if (!reader_.String(&text)) return reader_.error();
    } else {
      FieldSchema field;
      field.name = name;
      const Place at{.parent = &place, .owner = &schema, .field = &field};
      return WrongType(Schema(ValueType::kString, "string"), at);
    }
    if (findings_ != nullptr && message == top_) {
      (name == "kind" ? findings_->kind : findings_->api_version) = std::move(text);
    }
    return Ok();
  }

  Status ReadNull() {
    if (!reader_.Null()) return reader_.error();
    return Ok();
  }

  Status ReadField(const FieldSchema& field, const Place& place, pb::Message* message) {
    const FieldDescriptor& descriptor = *field.path.back();
    const Schema& schema = *field.schema;
    if (schema.type() == ValueType::kMap) return ReadMap(schema, place, message, descriptor);
    if (descriptor.is_repeated()) return ReadArray(schema, place, message, descriptor);
    const pb::Reflection* reflection = message->GetReflection();
    switch (descriptor.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadMessage(schema, place, reflection->MutableMessage(message, &descriptor));
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string text;
        TRY_STATUS(ReadText(schema, place, &text));
        reflection->SetString(message, &descriptor, std::move(text));
        return Ok();
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        bool value = false;
        if (reader_.Next() != Reader::Kind::kBool) return WrongType(schema, place);
        if (!reader_.Bool(&value)) return reader_.error();
        reflection->SetBool(message, &descriptor, value);
        return Ok();
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        int64_t value = 0;
        TRY_STATUS(ReadInt(schema, place, &value));
        reflection->SetInt32(message, &descriptor, static_cast<int32_t>(value));
        return Ok();
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t value = 0;
        TRY_STATUS(ReadInt(schema, place, &value));
        reflection->SetInt64(message, &descriptor, value);
        return Ok();
      }
      default: {
        json::Value value;
        if (!reader_.ReadValue(&value)) return reader_.error();
        TRY_STATUS(CheckScalar(value, schema, place));
        reflection->SetDouble(message, &descriptor, value.get<double>());
        return Ok();
      }
    }
  }

  // Text, or bytes from base64.
  Status ReadText(const Schema& schema, const Place& place, std::string* text) {
    if (reader_.Next() != Reader::Kind::kString) return WrongType(schema, place);
    if (!reader_.String(text)) return reader_.error();
    if (schema.type() != ValueType::kBytes) return Ok();
    const json::Value value = std::move(*text);
    TRY_STATUS(CheckScalar(value, schema, place));
    *text = BytesOf(value);
    return Ok();
  }

  Status ReadInt(const Schema& schema, const Place& place, int64_t* value) {
    if (reader_.Next() != Reader::Kind::kNumber) return WrongType(schema, place);
    json::Value number;
    if (!reader_.ReadValue(&number)) return reader_.error();
    if (!ReadInteger(number, schema.type(), value)) return TypeError(number, schema, place);
    return Ok();
  }

  Status ReadMap(const Schema& schema, const Place& place, pb::Message* message,
                 const FieldDescriptor& field) {
    if (reader_.Next() != Reader::Kind::kObject) return WrongType(schema, place);
    if (!reader_.BeginObject()) return reader_.error();
    const Schema& element = *schema.element();
    const bool messages =
        field.message_type()->map_value()->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    StringMap* texts = messages ? nullptr : MutableStringMap(message, field);
    std::set<std::string> seen;
    Reader::Scope scope;
    std::string key;
    while (reader_.NextMember(scope, &key)) {
      const Place here{.parent = &place, .owner = &schema, .key = &key};
      const bool duplicate = messages ? !seen.insert(key).second : texts->contains(key);
      if (duplicate && findings_ != nullptr) findings_->duplicates.push_back({.path = here.Path()});
      const bool null = reader_.Next() == Reader::Kind::kNull;
      if (null) TRY_STATUS(ReadNull());
      if (messages) {
        pb::Message* value = MutableMessageMapValue(message, field, key);
        value->Clear();
        if (!null) TRY_STATUS(ReadMessage(element, here, value));
      } else {
        std::string text;
        if (!null) TRY_STATUS(ReadText(element, here, &text));
        (*texts)[key] = std::move(text);
      }
    }
    if (!reader_.ok()) return reader_.error();
    return Ok();
  }

  Status ReadArray(const Schema& schema, const Place& place, pb::Message* message,
                   const FieldDescriptor& field) {
    if (reader_.Next() != Reader::Kind::kArray) return WrongType(schema, place);
    if (!reader_.BeginArray()) return reader_.error();
    const Schema& element = *schema.element();
    Reader::Scope scope;
    for (size_t index = 0; reader_.NextItem(scope); ++index) {
      const Place here{.parent = &place, .owner = &schema, .index = index};
      TRY_STATUS(ReadItem(element, here, message, field));
    }
    if (!reader_.ok()) return reader_.error();
    return Ok();
  }

  Status ReadItem(const Schema& element, const Place& place, pb::Message* message,
                  const FieldDescriptor& field) {
    const pb::Reflection* reflection = message->GetReflection();
    const bool null = reader_.Next() == Reader::Kind::kNull;
    if (null) TRY_STATUS(ReadNull());
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        pb::Message* item = reflection->AddMessage(message, &field);
        return null ? Ok() : ReadMessage(element, place, item);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string text;
        if (!null) TRY_STATUS(ReadText(element, place, &text));
        reflection->AddString(message, &field, std::move(text));
        return Ok();
      }
      default:
        break;
    }
    int64_t number = 0;
    if (!null) TRY_STATUS(ReadInt(element, place, &number));
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      reflection->AddInt32(message, &field, static_cast<int32_t>(number));
    } else {
      reflection->AddInt64(message, &field, number);
    }
    return Ok();
  }

  Reader& reader_;
  JsonFindings* findings_;
  const pb::Message* top_ = nullptr;
};

}  // namespace

Status FromJson(std::string_view text, pb::Message* message, JsonFindings* findings,
                const json::ParseLimits& limits) {
  Reader reader(text, limits);
  return Decoder(reader, findings).Top(Schema::Of(*message->GetDescriptor()), message);
}

}  // namespace wherry::api
