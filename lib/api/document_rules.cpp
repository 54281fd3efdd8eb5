// Checks and changes of documents by their schema: unknown fields, defaults, pruning, the canonical
// form.

#include "lib/api/codec.h"
#include "lib/api/scalars.h"

#include <nlohmann/json.hpp>

namespace wherry::api {
namespace {

using json::Value;
using Members = Value::object_t;
using Items = Value::array_t;

bool IsTypeMeta(const Schema& schema, std::string_view name) {
  return schema.has_type_meta() && (name == "apiVersion" || name == "kind");
}

Status Validate(const Value& value, const Schema& schema, const Place& place,
                std::vector<std::string>* unknown_fields) {
  if (value.is_null()) return Ok();
  switch (schema.type()) {
    case ValueType::kObject: {
      if (!value.is_object()) return TypeError(value, schema, place);
      for (const auto& [name, member] : value.get_ref<const Members&>()) {
        const FieldSchema* field = schema.Find(name);
        if (field != nullptr) {
          const Place here{.parent = &place, .owner = &schema, .field = field};
          TRY_STATUS(Validate(member, *field->schema, here, unknown_fields));
        } else if (IsTypeMeta(schema, name)) {
          if (member.is_string() || member.is_null()) continue;
          FieldSchema type_meta;
          type_meta.name = name;
          const Schema text(ValueType::kString, "string");
          const Place here{.parent = &place, .owner = &schema, .field = &type_meta};
          return TypeError(member, text, here);
        } else if (unknown_fields != nullptr) {
          const Place here{.parent = &place, .owner = &schema, .key = &name};
          unknown_fields->push_back(here.Path());
        }
      }
      return Ok();
    }
    case ValueType::kMap:
      if (!value.is_object()) return TypeError(value, schema, place);
      for (const auto& [key, member] : value.get_ref<const Members&>()) {
        const Place here{.parent = &place, .owner = &schema, .key = &key};
        TRY_STATUS(Validate(member, *schema.element(), here, unknown_fields));
      }
      return Ok();
    case ValueType::kArray: {
      if (!value.is_array()) return TypeError(value, schema, place);
      size_t index = 0;
      for (const Value& item : value.get_ref<const Items&>()) {
        const Place here{.parent = &place, .owner = &schema, .index = index++};
        TRY_STATUS(Validate(item, *schema.element(), here, unknown_fields));
      }
      return Ok();
    }
    default:
      return CheckScalar(value, schema, place);
  }
}

void NormalizeValue(Value& value, const Schema& schema, bool top);

void NormalizeObject(Members& members, const Schema& schema, bool top) {
  for (auto member = members.begin(); member != members.end();) {
    const FieldSchema* field = schema.Find(member->first);
    const bool keep = field != nullptr ? field->always || !member->second.is_null()
                                       : top && IsTypeMeta(schema, member->first);
    if (!keep) {
      member = members.erase(member);
      continue;
    }
    if (field != nullptr && !(field->nullable && member->second.is_null())) {
      NormalizeValue(member->second, *field->schema, false);
      if (!field->always && !field->nullable && IsEmpty(member->second)) {
        member = members.erase(member);
        continue;
      }
    }
    ++member;
  }
  for (const FieldSchema& field : schema.fields()) {
    if (!field.always) continue;
    auto [member, inserted] = members.try_emplace(field.name);
    if (!inserted || field.nullable) continue;
    member->second = ZeroValue(*field.schema);
    if (field.schema->type() == ValueType::kObject) {
      NormalizeObject(member->second.get_ref<Members&>(), *field.schema, false);
    }
  }
}

void NormalizeValue(Value& value, const Schema& schema, bool top) {
  if (value.is_null()) value = ZeroValue(schema);
  switch (schema.type()) {
    case ValueType::kObject:
      if (value.is_object()) NormalizeObject(value.get_ref<Members&>(), schema, top);
      return;
    case ValueType::kMap:
      if (!value.is_object()) return;
      for (auto& [key, member] : value.get_ref<Members&>())
        NormalizeValue(member, *schema.element(), false);
      return;
    case ValueType::kArray:
      if (!value.is_array()) return;
      for (Value& item : value.get_ref<Items&>()) NormalizeValue(item, *schema.element(), false);
      return;
    default:
      if (!value.is_null()) CanonicalizeScalar(value, schema.type());
  }
}

void DefaultValue(Value& value, const Schema& schema);

void DefaultObject(Members& members, const Schema& schema) {
  for (const FieldSchema& field : schema.fields()) {
    if (field.default_value == nullptr && !field.schema->has_defaults()) continue;
    auto member = members.find(field.name);
    const bool absent = member == members.end() || member->second.is_null();
    if (field.default_value != nullptr) {
      if (absent || (!field.nullable && IsEmpty(member->second))) {
        member = members.insert_or_assign(field.name, *field.default_value).first;
      }
    } else if (absent && field.always && field.schema->type() == ValueType::kObject &&
               !field.nullable) {
      member = members.insert_or_assign(field.name, Value::object()).first;
    } else if (absent) {
      continue;
    }
    if (field.schema->has_defaults()) DefaultValue(member->second, *field.schema);
  }
}

void DefaultValue(Value& value, const Schema& schema) {
  if (!schema.has_defaults()) return;
  if (value.is_object() && schema.type() == ValueType::kObject) {
    DefaultObject(value.get_ref<Members&>(), schema);
  } else if (value.is_object() && schema.type() == ValueType::kMap) {
    for (auto& [key, member] : value.get_ref<Members&>()) DefaultValue(member, *schema.element());
  } else if (value.is_array() && schema.type() == ValueType::kArray) {
    for (Value& item : value.get_ref<Items&>()) {
      // null is an empty object in a list of objects.
      if (item.is_null()) item = ZeroValue(*schema.element());
      DefaultValue(item, *schema.element());
    }
  }
}

}  // namespace

Status ValidateFields(const Value& document, const Schema& schema,
                      std::vector<std::string>* unknown_fields) {
  const Place top;
  if (document.is_null()) return TypeError(document, schema, top);
  return Validate(document, schema, top, unknown_fields);
}

void Normalize(Value& document, const Schema& schema) { NormalizeValue(document, schema, true); }

void ApplyDefaults(Value& document, const Schema& schema) { DefaultValue(document, schema); }

void PruneUnknown(Value& document, const Schema& schema) {
  if (document.is_array() && schema.type() == ValueType::kArray) {
    for (Value& item : document.get_ref<Items&>()) PruneUnknown(item, *schema.element());
  } else if (document.is_object() && schema.type() == ValueType::kMap) {
    for (auto& [key, member] : document.get_ref<Members&>())
      PruneUnknown(member, *schema.element());
  } else if (document.is_object() && schema.type() == ValueType::kObject) {
    auto& members = document.get_ref<Members&>();
    for (auto member = members.begin(); member != members.end();) {
      const FieldSchema* field = schema.Find(member->first);
      if (field == nullptr && !IsTypeMeta(schema, member->first)) {
        member = members.erase(member);
        continue;
      }
      if (field != nullptr) PruneUnknown(member->second, *field->schema);
      ++member;
    }
  }
}

std::vector<std::string> FieldWarnings(const std::vector<std::string>& unknown_fields,
                                       const std::vector<json::DuplicateKey>& duplicates) {
  std::vector<std::string> warnings;
  for (const std::string& path : unknown_fields)
    warnings.push_back("unknown field \"" + path + "\"");
  for (const json::DuplicateKey& duplicate : duplicates) {
    warnings.push_back("duplicate field \"" + duplicate.path + "\"");
  }
  return warnings;
}

std::string StrictDecodingMessage(const std::vector<std::string>& unknown_fields,
                                  const std::vector<json::DuplicateKey>& duplicates) {
  std::string message = "strict decoding error: ";
  bool first = true;
  for (const std::string& warning : FieldWarnings(unknown_fields, duplicates)) {
    if (!first) message += ", ";
    message += warning;
    first = false;
  }
  return message;
}

}  // namespace wherry::api
