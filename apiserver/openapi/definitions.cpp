#include "apiserver/openapi/definitions.h"

#include "apiserver/endpoints/endpoint.h"
#include "lib/api/kind_registry.h"
#include "lib/api/schema.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace wherry::apiserver::openapi {

using api::FieldSchema;
using api::Schema;
using api::ValueType;
using json::Value;

namespace {

// Walks the schemas once, collecting what is still to be written.
class Writer {
 public:
  explicit Writer(Dialect dialect) : dialect_(dialect) {}

  void Add(const Schema& schema) { Reference(schema); }

  Value Take() {
    while (!queue_.empty()) {
      const Schema* schema = queue_.back();
      queue_.pop_back();
      std::string name = NameOf(*schema);
      out_[name] = Definition(*schema);
    }
    return std::move(out_);
  }

 private:
  // Named schemas are referred to; the rest is written in place.
  static std::string NameOf(const Schema& schema) {
    if (!schema.definition_name().empty()) return schema.definition_name();
    if (schema.descriptor() == nullptr) return "";
    return api::OpenApiDefinitionName(*schema.descriptor());
  }

  Value Reference(const Schema& schema) {
    std::string name = NameOf(schema);
    if (seen_.insert(name).second) queue_.push_back(&schema);
    const char* root = dialect_ == Dialect::kV2 ? "#/definitions/" : "#/components/schemas/";
    return {{"$ref", root + name}};
  }

  Value Use(const Schema& schema) {
    return NameOf(schema).empty() ? Plain(schema) : Reference(schema);
  }

  Value Plain(const Schema& schema) {
    switch (schema.type()) {
      case ValueType::kObject:
        return {{"type", "object"}};
      case ValueType::kMap:
        return {{"type", "object"}, {"additionalProperties", Use(*schema.element())}};
      case ValueType::kArray:
        return {{"type", "array"}, {"items", Use(*schema.element())}};
      case ValueType::kString:
      case ValueType::kDuration:
      case ValueType::kQuantity:
        return {{"type", "string"}};
      case ValueType::kBool:
        return {{"type", "boolean"}};
      case ValueType::kInt32:
        return {{"type", "integer"}, {"format", "int32"}};
      case ValueType::kInt64:
        return {{"type", "integer"}, {"format", "int64"}};
      case ValueType::kDouble:
        return {{"type", "number"}, {"format", "double"}};
      case ValueType::kBytes:
        return {{"type", "string"}, {"format", "byte"}};
      case ValueType::kTime:
      case ValueType::kMicroTime:
        return {{"type", "string"}, {"format", "date-time"}};
      case ValueType::kIntOrString:
        return {{"type", "string"}, {"format", "int-or-string"}};
      case ValueType::kRawJson:
        return {{"type", "object"}};
    }
    return Value::object();
  }

  Value Property(const FieldSchema& field) {
    Value property = Use(*field.schema);
    if (property.contains("$ref") && dialect_ == Dialect::kV3) {
      // A reference stands alone in OpenAPI 3.0.
      property = {{"allOf", Value::array({std::move(property)})}};
    }
    if (!field.doc.empty()) property["description"] = field.doc;
    if (field.default_value && dialect_ == Dialect::kV3) property["default"] = *field.default_value;
    if (!field.enum_values.empty() && dialect_ == Dialect::kV3) {
      std::vector<std::string> values = field.enum_values;
      std::sort(values.begin(), values.end());
      (property.contains("items") ? property["items"] : property)["enum"] = values;
    }
    std::string strategy;
    auto add = [&](bool set, const char* word) {
      if (set) strategy += (strategy.empty() ? "" : ",") + std::string(word);
    };
    add(field.patch_merge, "merge");
    add(field.patch_replace, "replace");
    add(field.patch_retain_keys, "retainKeys");
    if (!strategy.empty()) property["x-kubernetes-patch-strategy"] = strategy;
    if (!field.merge_key.empty()) property["x-kubernetes-patch-merge-key"] = field.merge_key;
    if (!field.list_type.empty()) property["x-kubernetes-list-type"] = field.list_type;
    if (!field.map_keys.empty()) property["x-kubernetes-list-map-keys"] = field.map_keys;
    if (field.atomic) property["x-kubernetes-map-type"] = "atomic";
    return property;
  }

  Value Definition(const Schema& schema) {
    Value definition = Plain(schema);
    if (!schema.doc().empty()) definition["description"] = schema.doc();
    if (schema.type() != ValueType::kObject) return definition;
    Value properties = Value::object();
    Value required = Value::array();
    if (schema.has_type_meta()) {
      properties["apiVersion"] = {{"type", "string"},
                                  {"description", "The versioned schema of this object."}};
      properties["kind"] = {{"type", "string"}, {"description", "The kind of this object."}};
    }
    for (const FieldSchema& field : schema.fields()) {
      properties[field.name] = Property(field);
      if (field.required) required.push_back(field.name);
    }
    if (!properties.empty()) definition["properties"] = std::move(properties);
    if (!required.empty()) definition["required"] = std::move(required);
    if (schema.atomic()) definition["x-kubernetes-map-type"] = "atomic";
    const api::KindInfo* kind =
        schema.descriptor() == nullptr ? nullptr : api::FindKind(*schema.descriptor());
    if (kind != nullptr) {
      definition["x-kubernetes-group-version-kind"] =
          Value::array({{{"group", kind->group_version.group},
                         {"version", kind->group_version.version},
                         {"kind", kind->kind}}});
    }
    return definition;
  }

  Dialect dialect_;
  std::set<std::string> seen_;
  std::vector<const Schema*> queue_;
  Value out_ = Value::object();
};

Value Parameter(const char* name, const char* in, const char* type, Dialect dialect) {
  Value parameter = {{"name", name}, {"in", in}};
  if (std::string_view(in) == "path") parameter["required"] = true;
  if (dialect == Dialect::kV2) {
    parameter["type"] = type;
    parameter["uniqueItems"] = true;
  } else {
    parameter["schema"] = {{"type", type}};
  }
  return parameter;
}

Value Operation(const api::KindInfo& kind, const char* action, bool writes, Dialect dialect) {
  Value operation = {{"x-kubernetes-action", action},
                     {"x-kubernetes-group-version-kind",
                      {{"group", kind.group_version.group},
                       {"version", kind.group_version.version},
                       {"kind", kind.kind}}}};
  Value parameters = Value::array();
  if (writes) {
    for (const char* name : {"dryRun", "fieldManager", "fieldValidation"}) {
      parameters.push_back(Parameter(name, "query", "string", dialect));
    }
  }
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  operation["responses"] = {{"200", {{"description", "OK"}}}};
  return operation;
}

}  // namespace

std::string RootPath(const api::KindInfo& kind) {
  return (kind.group_version.group.empty() ? "/api/" : "/apis/") + kind.ApiVersion();
}

Value Definitions(const std::vector<const api::KindInfo*>& kinds, Dialect dialect) {
  Writer writer(dialect);
  for (const api::KindInfo* kind : kinds) {
    if (kind->schema != nullptr) writer.Add(*kind->schema);
  }
  return writer.Take();
}

Value Paths(const std::vector<const registry::Resource*>& resources, Dialect dialect) {
  Value paths = Value::object();
  for (const registry::Resource* resource : resources) {
    const api::KindInfo& kind = *resource->kind;
    std::string collection = RootPath(kind) + "/";
    if (kind.namespaced) collection += "namespaces/{namespace}/";
    collection += kind.plural;
    Value& all = paths[collection];
    all["get"] = Operation(kind, "list", false, dialect);
    all["post"] = Operation(kind, "post", true, dialect);
    Value& one = paths[collection + "/{name}"];
    one["get"] = Operation(kind, "get", false, dialect);
    one["put"] = Operation(kind, "put", true, dialect);
    one["patch"] = Operation(kind, "patch", true, dialect);
    one["delete"] = Operation(kind, "delete", true, dialect);
    Value one_parameters = Value::array({Parameter("name", "path", "string", dialect)});
    if (kind.namespaced) {
      Value ns = Parameter("namespace", "path", "string", dialect);
      all["parameters"] = Value::array({ns});
      one_parameters.push_back(std::move(ns));
    }
    one["parameters"] = std::move(one_parameters);
  }
  return paths;
}

}  // namespace wherry::apiserver::openapi
