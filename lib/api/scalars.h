#pragma once

#include "lib/api/schema.h"

#include <string>

// What single JSON values mean to the types that are not containers. Used by decoding, validation
// and normalising alike.
namespace wherry::api {

// Where a value is in its document. Links of a chain on the stack; text is made when an error needs
// it.
struct Place {
  const Place* parent = nullptr;
  const Schema* owner = nullptr;       // the object `field` belongs to
  const FieldSchema* field = nullptr;  // null for a list item or map value
  const std::string* key = nullptr;    // of a map value
  size_t index = 0;                    // of a list item

  // "spec.containers[0].image"
  std::string Path() const;
  // "Go struct field Container.spec.containers.image"; "Go value" at the top.
  std::string GoField() const;
};

// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
Error TypeError(const json::Value& found, const Schema& expected, const Place& place);

// Checks a value that is not null against a type that is neither object, array nor map.
Status CheckScalar(const json::Value& value, const Schema& schema, const Place& place);

// The canonical form of a value that passed CheckScalar: quantities, times, durations and base64
// are rewritten.
void CanonicalizeScalar(json::Value& value, ValueType type);

// What an absent always-present value is written as; objects are {}.
json::Value ZeroValue(const Schema& schema);

// Empty in the sense of encoding/json's omitempty.
bool IsEmpty(const json::Value& value);

// Fits int32 or int64, as `type` asks, without a fraction.
bool ReadInteger(const json::Value& value, ValueType type, int64_t* number);

// "2Gi" as it is, 2 as "2"; canonical.
std::string CanonicalQuantity(const json::Value& value);

}  // namespace wherry::api
