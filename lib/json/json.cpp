#include "lib/json/json.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <utility>

namespace wherry::json {
namespace {

// Builds the document from the parser's events. nlohmann's own builder neither limits depth nor
// reports repeated keys.
class Builder {
 public:
  using number_integer_t = Value::number_integer_t;
  using number_unsigned_t = Value::number_unsigned_t;
  using number_float_t = Value::number_float_t;
  using string_t = Value::string_t;
  using binary_t = Value::binary_t;

  Builder(const ParseLimits& limits, std::vector<DuplicateKey>* duplicates)
      : limits_(limits), duplicates_(duplicates) {
    stack_.reserve(16);
  }

  bool null() { return Add(Value(nullptr)) != nullptr; }
  bool boolean(bool value) { return Add(Value(value)) != nullptr; }
  bool number_integer(number_integer_t value) { return Add(Value(value)) != nullptr; }
  bool number_unsigned(number_unsigned_t value) { return Add(Value(value)) != nullptr; }
  bool number_float(number_float_t value, const string_t& text) {
    if (!std::isfinite(value)) return Fail("number " + text + " is out of range");
    return Add(Value(value)) != nullptr;
  }
  bool string(string_t& value) { return Add(Value(std::move(value))) != nullptr; }
  bool binary(binary_t& /*value*/) { return Fail("binary value"); }
  bool start_object(size_t /*size*/) { return Open(Value(Value::value_t::object)); }
  bool start_array(size_t /*size*/) { return Open(Value(Value::value_t::array)); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  bool key(string_t& name) {
    auto [member, inserted] =
        stack_.back().value->get_ref<Value::object_t&>().try_emplace(std::move(name));
    stack_.back().key = &member->first;
    slot_ = &member->second;
    if (!inserted && duplicates_ != nullptr) duplicates_->push_back({.path = PathToSlot()});
    return true;
  }

  // `message` is nlohmann's: "[json.exception.parse_error.101] parse error at line 1, column 2:
  // ...".
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) {
    std::string_view text = error.what();
    if (size_t bracket = text.find("] "); bracket != std::string_view::npos) {
      text.remove_prefix(bracket + 2);
    }
    if (size_t colon = text.find(": ");
        text.starts_with("parse error") && colon != std::string_view::npos) {
      text.remove_prefix(colon + 2);
    }
    return Fail("at byte " + std::to_string(position) + ": " + std::string(text));
  }

  Value& root() { return root_; }
  const std::string& error() const { return error_; }

 private:
  struct Level {
    Value* value;
    const std::string* key;  // the member being filled, for objects
  };

  bool Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  Value* Add(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Value& parent = *stack_.back().value;
    if (parent.is_object()) {
      *slot_ = std::move(value);
      return slot_;
    }
    auto& items = parent.get_ref<Value::array_t&>();
    return &items.emplace_back(std::move(value));
  }

  bool Open(Value value) {
    if (stack_.size() >= limits_.max_depth) {
      return Fail("nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    stack_.push_back({.value = Add(std::move(value)), .key = nullptr});
    return true;
  }

  bool Close() {
    stack_.pop_back();
    return true;
  }

  std::string PathToSlot() const {
    std::string path;
    for (const Level& level : stack_) {
      if (level.value->is_array()) {
        // The value under construction is the last one.
        path += '[' + std::to_string(level.value->size() - 1) + ']';
        continue;
      }
      if (!path.empty()) path += '.';
      path += *level.key;
    }
    return path;
  }

  const ParseLimits& limits_;
  std::vector<DuplicateKey>* duplicates_;
  Value root_;
  Value* slot_ = nullptr;
  std::vector<Level> stack_;
  std::string error_;
};

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none. RFC 3629.
size_t Utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto tail = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return tail(1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0U && byte(1) < 0xA0U) return 0;
    if (lead == 0xEDU && byte(1) > 0x9FU) return 0;
    return 3;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0U && byte(1) < 0x90U) return 0;
    if (lead == 0xF4U && byte(1) > 0x8FU) return 0;
    return 4;
  }
  return 0;
}

// 1 for bytes a JSON string may hold as they are.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0x20; i < 0x80; ++i) table[i] = i != '"' && i != '\\';
  return table;
}();

}  // namespace

Result<Value> Parse(std::string_view text, const ParseLimits& limits,
                    std::vector<DuplicateKey>* duplicates) {
  if (text.size() > limits.max_bytes) {
    return MakeError(Reason::kRequestEntityTooLarge, "JSON text of " + std::to_string(text.size()) +
                                                         " bytes is above the limit of " +
                                                         std::to_string(limits.max_bytes));
  }
  Builder builder(limits, duplicates);
  if (!Value::sax_parse(text.begin(), text.end(), &builder)) {
    return MakeError(Reason::kBadRequest, "parse JSON: " + builder.error());
  }
  return std::move(builder.root());
}

std::string Dump(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

std::string DumpPretty(const Value& value, int spaces) {
  return value.dump(spaces, ' ', false, Value::error_handler_t::replace);
}

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t start = 0;
  size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (kPlain[c]) {
      ++i;
      continue;
    }
    size_t length = 1;
    if (c >= 0x80) {
      length = Utf8Length(text.substr(i));
      if (length > 0) {
        i += length;
        continue;
      }
    }
    out.append(text.substr(start, i - start));
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= 0x80) {
          out += "\xEF\xBF\xBD";
        } else {
          out += "\\u00";
          out += kHex[c >> 4U];
          out += kHex[c & 15U];
        }
    }
    start = ++i;
  }
  out.append(text.substr(start));
  out += '"';
}

}  // namespace wherry::json
