#include "lib/api/scalars.h"

#include "lib/api/base64.h"
#include "lib/api/quantity.h"
#include "lib/api/time.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <vector>

namespace wherry::api {
namespace {

std::string QuantityText(const json::Value& value) {
  return value.is_string() ? value.get<std::string>() : json::Dump(value);
}

// As Go names what it found. Numbers that do not fit are shown.
std::string FoundName(const json::Value& value, const Schema& expected) {
  switch (value.type()) {
    case json::Value::value_t::string:
      return "string";
    case json::Value::value_t::boolean:
      return "bool";
    case json::Value::value_t::array:
      return "array";
    case json::Value::value_t::object:
      return "object";
    case json::Value::value_t::null:
      return "null";
    default:
      break;
  }
  const ValueType type = expected.type();
  const bool integer =
      type == ValueType::kInt32 || type == ValueType::kInt64 || type == ValueType::kIntOrString;
  return integer ? "number " + json::Dump(value) : "number";
}

Status BadText(const Error& error, const json::Value& value, const Place& place) {
  return MakeError(Reason::kBadRequest,
                   place.Path() + ": " + json::Dump(value) + ": " + error.message);
}

Status CheckText(const json::Value& value, ValueType type, const Place& place) {
  const std::string& text = value.get_ref<const std::string&>();
  switch (type) {
    case ValueType::kBytes:
      if (auto bytes = DecodeBase64(text); !bytes.ok()) return BadText(bytes.error(), value, place);
      return Ok();
    case ValueType::kTime:
    case ValueType::kMicroTime:
      if (auto time = ParseTime(text); !time.ok()) return BadText(time.error(), value, place);
      return Ok();
    case ValueType::kDuration:
      if (auto duration = ParseDuration(text); !duration.ok())
        return BadText(duration.error(), value, place);
      return Ok();
    default:
      return Ok();
  }
}

}  // namespace

std::string Place::Path() const {
  std::vector<const Place*> chain;
  for (const Place* at = this; at != nullptr; at = at->parent) chain.push_back(at);
  std::string path;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    if ((*at)->owner == nullptr) continue;  // the document itself
    if ((*at)->field != nullptr) {
      if (!path.empty()) path += '.';
      path += (*at)->field->name;
    } else if ((*at)->key != nullptr) {
      if (!path.empty()) path += '.';
      path += *(*at)->key;
    } else {
      path += '[' + std::to_string((*at)->index) + ']';
    }
  }
  return path;
}

std::string Place::GoField() const {
  std::string names;
  const Schema* innermost = nullptr;
  for (const Place* at = this; at != nullptr; at = at->parent) {
    if (at->field == nullptr) continue;
    if (innermost == nullptr) innermost = at->owner;
    names = "." + at->field->name + names;
  }
  return innermost == nullptr ? "Go value" : "Go struct field " + innermost->name() + names;
}

Error TypeError(const json::Value& found, const Schema& expected, const Place& place) {
  const std::string& type = expected.type() == ValueType::kIntOrString
                                ? std::string("int32 or string")
                                : expected.type_name();
  return MakeError(Reason::kBadRequest, "json: cannot unmarshal " + FoundName(found, expected) +
                                            " into " + place.GoField() + " of type " + type);
}

bool ReadInteger(const json::Value& value, ValueType type, int64_t* number) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {
    const uint64_t whole = value.get<uint64_t>();
    if (whole > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
    *number = static_cast<int64_t>(whole);
  } else {
    *number = value.get<int64_t>();
  }
  return type == ValueType::kInt64 || (*number >= std::numeric_limits<int32_t>::min() &&
                                       *number <= std::numeric_limits<int32_t>::max());
}

Status CheckScalar(const json::Value& value, const Schema& schema, const Place& place) {
  int64_t number = 0;
  bool fits = false;
  switch (schema.type()) {
    case ValueType::kRawJson:
      return Ok();
    case ValueType::kBool:
      fits = value.is_boolean();
      break;
    case ValueType::kDouble:
      fits = value.is_number();
      break;
    case ValueType::kInt32:
    case ValueType::kInt64:
      fits = ReadInteger(value, schema.type(), &number);
      break;
    case ValueType::kIntOrString:
      fits = value.is_string() || ReadInteger(value, ValueType::kInt32, &number);
      break;
    case ValueType::kQuantity: {
      if (!value.is_string() && !value.is_number()) break;
      auto quantity = Quantity::Parse(QuantityText(value));
      if (!quantity.ok()) return BadText(quantity.error(), value, place);
      return Ok();
    }
    default:
      if (value.is_string()) return CheckText(value, schema.type(), place);
  }
  if (!fits) return TypeError(value, schema, place);
  return Ok();
}

std::string CanonicalQuantity(const json::Value& value) {
  auto quantity = Quantity::Parse(QuantityText(value));
  return quantity.ok() ? quantity->String() : "0";
}

void CanonicalizeScalar(json::Value& value, ValueType type) {
  switch (type) {
    case ValueType::kQuantity:
      value = CanonicalQuantity(value);
      return;
    case ValueType::kBytes: {
      auto bytes = DecodeBase64(value.get_ref<const std::string&>());
      std::string text;
      if (bytes.ok()) AppendBase64(text, *bytes);
      value = std::move(text);
      return;
    }
    case ValueType::kTime:
    case ValueType::kMicroTime: {
      auto time = ParseTime(value.get_ref<const std::string&>());
      if (!time.ok() || time->seconds == kZeroTimeSeconds) {
        value = nullptr;
      } else if (type == ValueType::kTime) {
        value = FormatTime(time->seconds);
      } else {
        value = FormatMicroTime(time->seconds, time->nanos);
      }
      return;
    }
    case ValueType::kDuration: {
      auto duration = ParseDuration(value.get_ref<const std::string&>());
      if (duration.ok()) value = FormatDuration(*duration);
      return;
    }
    default:
      return;
  }
}

json::Value ZeroValue(const Schema& schema) {
  switch (schema.type()) {
    case ValueType::kObject:
    case ValueType::kMap:
      return json::Value::object();
    case ValueType::kArray:
      return json::Value::array();
    case ValueType::kString:
    case ValueType::kBytes:
      return "";
    case ValueType::kBool:
      return false;
    case ValueType::kInt32:
    case ValueType::kInt64:
    case ValueType::kIntOrString:
      return 0;
    case ValueType::kDouble:
      return 0.0;
    case ValueType::kDuration:
      return "0s";
    case ValueType::kQuantity:
      return "0";
    case ValueType::kTime:
    case ValueType::kMicroTime:
    case ValueType::kRawJson:
      break;
  }
  return nullptr;
}

bool IsEmpty(const json::Value& value) {
  switch (value.type()) {
    case json::Value::value_t::null:
      return true;
    case json::Value::value_t::boolean:
      return !value.get<bool>();
    case json::Value::value_t::string:
      return value.get_ref<const std::string&>().empty();
    case json::Value::value_t::array:
    case json::Value::value_t::object:
      return value.empty();
    case json::Value::value_t::number_integer:
    case json::Value::value_t::number_unsigned:
      return value.get<int64_t>() == 0;
    case json::Value::value_t::number_float:
      return value.get<double>() == 0;
    default:
      return false;
  }
}

}  // namespace wherry::api
