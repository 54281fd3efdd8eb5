#include "apiserver/request/yaml.h"

#include <nlohmann/json.hpp>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

namespace wherry::apiserver {

namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxNodes = 1'000'000;  // aliases may multiply nodes

json::Value PlainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* begin = text.data();
  const char* end = begin + text.size();
  int base = 10;
  bool negative = false;
  const char* digits = begin;
  if (*digits == '+' || *digits == '-') negative = *digits++ == '-';
  if (end - digits > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o')) {
    base = digits[1] == 'x' ? 16 : 8;
    digits += 2;
  }
  int64_t integer = 0;
  auto parsed = std::from_chars(digits, end, integer, base);
  if (digits != end && *digits != '-' && parsed.ec == std::errc() && parsed.ptr == end) {
    return negative ? -integer : integer;
  }
  char first = digits < end ? *digits : '\0';
  if ((first >= '0' && first <= '9') || first == '.') {
    double number = 0;
    auto real = std::from_chars(digits, end, number);
    if (real.ec == std::errc() && real.ptr == end && std::isfinite(number)) {
      return negative ? -number : number;
    }
  }
  return text;
}

// What a conversion goes by.
struct Conversion {
  size_t nodes = 0;
  std::vector<json::DuplicateKey>* duplicates = nullptr;
};

Error TooDeep() {
  return MakeError(Reason::kBadRequest, "error converting YAML to JSON: yaml: nested deeper than " +
                                            std::to_string(kMaxDepth) + " levels");
}

std::string Member(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

Status Convert(const YAML::Node& node, int depth, const std::string& path, Conversion& conversion,
               json::Value& out) {
  if (depth > kMaxDepth) return TooDeep();
  if (++conversion.nodes > kMaxNodes) {
    return MakeError(Reason::kBadRequest, "yaml: document contains excessive aliasing");
  }
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      out = nullptr;
      return Ok();
    case YAML::NodeType::Scalar:
      // "!" marks a quoted scalar, "?" a plain one.
      out = node.Tag() == "?" || node.Tag().empty() ? PlainScalar(node.Scalar())
                                                    : json::Value(node.Scalar());
      return Ok();
    case YAML::NodeType::Sequence:
      out = json::Value::array();
      for (const YAML::Node& child : node) {
        json::Value item;
        std::string place = path + "[" + std::to_string(out.size()) + "]";
        TRY_STATUS(Convert(child, depth + 1, place, conversion, item));
        out.push_back(std::move(item));
      }
      return Ok();
    case YAML::NodeType::Map:
      out = json::Value::object();
      for (const auto& pair : node) {
        if (!pair.first.IsScalar()) {
          return MakeError(Reason::kBadRequest, "yaml: a key is not a scalar");
        }
        const std::string& key = pair.first.Scalar();
        std::string place = Member(path, key);
        json::Value value;
        TRY_STATUS(Convert(pair.second, depth + 1, place, conversion, value));
        bool repeated = out.contains(key);
        if (repeated && conversion.duplicates != nullptr) {
          conversion.duplicates->push_back({std::move(place)});
        }
        out[key] = std::move(value);
      }
      return Ok();
  }
  return Ok();
}

void Emit(YAML::Emitter& out, const json::Value& value) {
  switch (value.type()) {
    case json::Value::value_t::object:
      out << YAML::BeginMap;
      for (const auto& [key, member] : value.items()) {
        out << YAML::Key << key << YAML::Value;
        Emit(out, member);
      }
      out << YAML::EndMap;
      break;
    case json::Value::value_t::array:
      out << YAML::BeginSeq;
      for (const json::Value& item : value) Emit(out, item);
      out << YAML::EndSeq;
      break;
    case json::Value::value_t::string: {
      const std::string& text = value.get_ref<const std::string&>();
      // Text that would read back as something else is quoted.
      bool quote = text.empty() || !PlainScalar(text).is_string();
      if (quote) out << YAML::DoubleQuoted;
      out << text;
      break;
    }
    default:
      out << value.dump();
  }
}

}  // namespace

Result<json::Value> DocumentFromYaml(std::string_view text,
                                     std::vector<json::DuplicateKey>* duplicates) {
  try {
    YAML::Node node = YAML::Load(std::string(text));
    json::Value document;
    Conversion conversion{.duplicates = duplicates};
    TRY_STATUS(Convert(node, 0, "", conversion, document));
    return document;
  } catch (const YAML::DeepRecursion&) {
    // The library has a limit of its own, above ours; its message speaks of a bad file.
    return TooDeep();
  } catch (const std::exception& failure) {
    return MakeError(Reason::kBadRequest,
                     std::string("error converting YAML to JSON: ") + failure.what());
  }
}

std::string YamlFromDocument(const json::Value& document) {
  YAML::Emitter out;
  Emit(out, document);
  return std::string(out.c_str()) + "\n";
}

}  // namespace wherry::apiserver
