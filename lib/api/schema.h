#pragma once

#include "lib/json/json.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

// The run-time description of an API type, over which decoding, defaulting, validation of fields,
// pruning, patching and publishing are written once.
namespace wherry::api {

enum class ValueType : uint8_t {
  kObject,  // named fields
  kMap,     // string keys, values of `element`
  kArray,   // items of `element`
  kString,
  kBool,
  kInt32,
  kInt64,
  kDouble,
  kBytes,      // base64 text in JSON
  kTime,       // RFC 3339, whole seconds
  kMicroTime,  // RFC 3339, six digits
  kDuration,   // "1h2m3s"
  kQuantity,   // "100m"; a number is accepted
  kIntOrString,
  kRawJson,  // anything
};

class Schema;

// No object has more fields than this.
inline constexpr size_t kMaxFields = 128;

struct FieldSchema {
  std::string name;      // in JSON
  std::string key_text;  // `"name":`, as the JSON writer emits it
  const Schema* schema = nullptr;
  bool required = false;  // for publishing; whether emptiness is refused is the strategy's business
  bool always = false;    // written even when empty
  bool nullable = false;  // absent differs from empty
  bool atomic = false;    // server-side apply owns the map or object as a whole
  bool patch_merge = false;        // a strategic merge patch merges this list
  bool patch_replace = false;      // ... replaces this object or map as a whole
  bool patch_retain_keys = false;  // ... honours $retainKeys
  std::string merge_key;           // of a merged list of objects; empty for a list of scalars
  std::string list_type;           // "", "atomic", "set", "map"
  std::vector<std::string> map_keys;
  std::vector<std::string> enum_values;
  std::shared_ptr<const json::Value> default_value;  // null when there is none
  std::string doc;
  // Where the value lives in the message: two steps when it sits in an inlined message, else one.
  std::vector<const google::protobuf::FieldDescriptor*> path;
};

// One node of the tree. Types refer to each other by pointer (JSONSchemaProps, say, to itself);
// nodes live as long as the process. Immutable, any thread.
class Schema {
 public:
  Schema(ValueType type, std::string name)
      : type_(type), name_(std::move(name)), type_name_(name_) {}
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  // The schema of a generated message type; built on first use. The same pointer for the same
  // descriptor, always.
  static const Schema& Of(const google::protobuf::Descriptor& descriptor);

  ValueType type() const { return type_; }
  // "PodSpec" for a message, otherwise as type_name().
  const std::string& name() const { return name_; }
  // "v1.PodSpec", "string", "int32", "[]v1.Container", "map[string]string": what error messages
  // show.
  const std::string& type_name() const { return type_name_; }
  // "io.k8s.api.core.v1.PodSpec" for a message: its name in a published OpenAPI document. Empty
  // otherwise.
  const std::string& definition_name() const { return definition_name_; }
  // Has apiVersion and kind although the message does not.
  bool has_type_meta() const { return has_type_meta_; }
  bool atomic() const { return atomic_; }
  const std::string& doc() const { return doc_; }
  // Of arrays and maps.
  const Schema* element() const { return element_; }
  // Of objects, sorted by JSON name; apiVersion and kind are not among them.
  const std::vector<FieldSchema>& fields() const { return fields_; }
  const FieldSchema* Find(std::string_view json_name) const;
  // Some field here or anywhere below has a default.
  bool has_defaults() const { return has_defaults_; }
  // The message type of an object, of a special scalar (Time, Quantity) or of an array of strings
  // that is wrapped in a message (metav1.Verbs); null for the rest.
  const google::protobuf::Descriptor* descriptor() const { return descriptor_; }

 private:
  friend class SchemaBuilder;
  void BuildIndex();

  ValueType type_;
  bool has_type_meta_ = false;
  bool atomic_ = false;
  bool has_defaults_ = false;
  std::string name_;
  std::string type_name_;
  std::string definition_name_;
  std::string doc_;
  const Schema* element_ = nullptr;
  const google::protobuf::Descriptor* descriptor_ = nullptr;
  std::vector<FieldSchema> fields_;
  std::vector<uint16_t> index_;  // open addressing by name hash; field number + 1, 0 is free
};

// "io.k8s.api.core.v1.Pod" for wherry.api.core.v1.Pod.
std::string OpenApiDefinitionName(const google::protobuf::Descriptor& descriptor);

}  // namespace wherry::api
