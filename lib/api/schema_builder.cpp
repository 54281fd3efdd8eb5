#include "lib/api/schema_builder.h"

#include "lib/api/descriptors.h"
#include "lib/base/check.h"
#include "proto/api/options.pb.h"

#include <google/protobuf/descriptor.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

ValueType TypeOfFormat(options::Format format) {
  switch (format) {
    case options::TIME:
      return ValueType::kTime;
    case options::MICRO_TIME:
      return ValueType::kMicroTime;
    case options::DURATION:
      return ValueType::kDuration;
    case options::QUANTITY:
      return ValueType::kQuantity;
    case options::INT_OR_STRING:
      return ValueType::kIntOrString;
    case options::RAW_JSON:
      return ValueType::kRawJson;
    case options::STRING_LIST:
      return ValueType::kArray;
    case options::OBJECT:
      break;
  }
  return ValueType::kObject;
}

// "v1.Pod" for wherry.api.core.v1.Pod, as Go prints the type.
std::string GoTypeName(const pb::Descriptor& descriptor) {
  const std::string& package = descriptor.file()->package();
  return package.substr(package.rfind('.') + 1) + "." + descriptor.name();
}

}  // namespace

SchemaBuilder::SchemaBuilder() {
  for (const pb::FileDescriptor* file : ApiFiles()) {
    for (int i = 0; i < file->message_type_count(); ++i) Message(*file->message_type(i));
  }
  for (auto& [descriptor, schema] : by_descriptor_) {
    std::unordered_set<Schema*> open;
    schema->has_defaults_ = FindDefaults(*schema, open);
  }
  for (auto& [key, schema] : containers_) {
    schema->has_defaults_ = schema->element_->has_defaults_;
  }
}

const Schema& SchemaBuilder::Get(const pb::Descriptor& descriptor) const {
  auto found = by_descriptor_.find(&descriptor);
  CHECK_THAT(found != by_descriptor_.end(), descriptor.full_name());
  return *found->second;
}

Schema& SchemaBuilder::Message(const pb::Descriptor& descriptor) {
  auto [slot, inserted] = by_descriptor_.try_emplace(&descriptor, nullptr);
  if (!inserted) return *slot->second;
  const options::Object& rules = descriptor.options().GetExtension(options::object);
  Schema& schema = schemas_.emplace_back(TypeOfFormat(rules.format()), descriptor.name());
  by_descriptor_[&descriptor] = &schema;  // before the fields, which may lead back here
  schema.type_name_ = GoTypeName(descriptor);
  schema.definition_name_ = OpenApiDefinitionName(descriptor);
  schema.descriptor_ = &descriptor;
  schema.atomic_ = rules.atomic();
  schema.doc_ = rules.doc();
  if (descriptor.options().HasExtension(options::kind)) {
    schema.has_type_meta_ = true;
    schema.doc_ = descriptor.options().GetExtension(options::kind).doc();
  }
  if (schema.type_ == ValueType::kArray) schema.element_ = &Scalar(ValueType::kString, "string");
  if (schema.type_ == ValueType::kObject) {
    AddFields(descriptor, {}, schema);
    schema.BuildIndex();
  }
  return schema;
}

void SchemaBuilder::AddFields(const pb::Descriptor& descriptor,
                              const std::vector<const pb::FieldDescriptor*>& path, Schema& into) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const pb::FieldDescriptor& field = *descriptor.field(i);
    if (field.options().GetExtension(options::field).inline_()) {
      CHECK_THAT(path.empty(), field.full_name() + ": an inlined message inlines another");
      std::vector<const pb::FieldDescriptor*> longer = path;
      longer.push_back(&field);
      Message(*field.message_type());
      AddFields(*field.message_type(), longer, into);
    } else {
      into.fields_.push_back(Field(field, path));
    }
  }
}

FieldSchema SchemaBuilder::Field(const pb::FieldDescriptor& field,
                                 const std::vector<const pb::FieldDescriptor*>& path) {
  const options::Field& rules = field.options().GetExtension(options::field);
  FieldSchema result;
  result.name = rules.has_json() ? rules.json() : field.name();
  json::AppendQuoted(result.key_text, result.name);
  result.key_text += ':';
  result.schema = &TypeOf(field);
  result.required = rules.required();
  result.always = rules.always();
  result.nullable = rules.nullable();
  result.atomic = rules.atomic();
  for (const std::string& strategy : rules.patch_strategy()) {
    if (strategy == "merge") result.patch_merge = true;
    if (strategy == "replace") result.patch_replace = true;
    if (strategy == "retainKeys") result.patch_retain_keys = true;
  }
  result.merge_key = rules.merge_key();
  result.list_type = rules.list_type();
  result.map_keys.assign(rules.map_keys().begin(), rules.map_keys().end());
  result.enum_values.assign(rules.enum_().begin(), rules.enum_().end());
  result.doc = rules.doc();
  if (rules.has_default_()) {
    auto value = json::Parse(rules.default_());
    CHECK_OK(value);
    result.default_value = std::make_shared<const json::Value>(std::move(value).value());
  }
  result.path = path;
  result.path.push_back(&field);
  return result;
}

const Schema& SchemaBuilder::TypeOf(const pb::FieldDescriptor& field) {
  if (field.is_map()) {
    return Container(ValueType::kMap, Single(*field.message_type()->map_value()));
  }
  if (field.is_repeated()) return Container(ValueType::kArray, Single(field));
  return Single(field);
}

const Schema& SchemaBuilder::Single(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return Message(*field.message_type());
    case pb::FieldDescriptor::TYPE_STRING:
      return Scalar(ValueType::kString, "string");
    case pb::FieldDescriptor::TYPE_BYTES:
      return Scalar(ValueType::kBytes, "[]uint8");
    case pb::FieldDescriptor::TYPE_BOOL:
      return Scalar(ValueType::kBool, "bool");
    case pb::FieldDescriptor::TYPE_INT32:
      return Scalar(ValueType::kInt32, "int32");
    case pb::FieldDescriptor::TYPE_INT64:
      return Scalar(ValueType::kInt64, "int64");
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return Scalar(ValueType::kDouble, "float64");
    default:
      break;
  }
  CHECK_THAT(false, field.full_name() + " has a type that the API does not use");
  return Scalar(ValueType::kRawJson, "unknown");
}

const Schema& SchemaBuilder::Scalar(ValueType type, const char* name) {
  Schema*& slot = scalars_[name];
  if (slot == nullptr) slot = &schemas_.emplace_back(type, name);
  return *slot;
}

const Schema& SchemaBuilder::Container(ValueType type, const Schema& element) {
  Schema*& slot = containers_[{type, &element}];
  if (slot == nullptr) {
    const char* prefix = type == ValueType::kMap ? "map[string]" : "[]";
    slot = &schemas_.emplace_back(type, prefix + element.type_name());
    slot->element_ = &element;
  }
  return *slot;
}

bool SchemaBuilder::FindDefaults(Schema& schema, std::unordered_set<Schema*>& open) {
  if (!open.insert(&schema).second) return false;
  for (const FieldSchema& field : schema.fields_) {
    if (field.default_value != nullptr) return true;
    const Schema* type = field.schema;
    while (type->element_ != nullptr) type = type->element_;
    // The node is ours; only its users see it as const.
    if (FindDefaults(const_cast<Schema&>(*type), open)) return true;
  }
  return false;
}

}  // namespace wherry::api
