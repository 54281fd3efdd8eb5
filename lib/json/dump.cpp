#include "lib/json/json.h"
#include "lib/json/utf8.h"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>

namespace wherry::json {
namespace {

void AppendEscaped(std::string& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (c >= 0x80) {
    out += "\xEF\xBF\xBD";  // no UTF-8
    return;
  }
  out += "\\u00";
  out += kHex[c >> 4U];
  out += kHex[c & 15U];
}

template <typename T>
void AppendInteger(std::string& out, T number) {
  std::array<char, 24> digits;
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void Append(std::string& out, const Value& value) {
  switch (value.type()) {
    case Value::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [name, member] : value.get_ref<const Value::object_t&>()) {
        if (!first) out += ',';
        first = false;
        AppendQuoted(out, name);
        out += ':';
        Append(out, member);
      }
      out += '}';
      return;
    }
    case Value::value_t::array: {
      out += '[';
      bool first = true;
      for (const Value& item : value.get_ref<const Value::array_t&>()) {
        if (!first) out += ',';
        first = false;
        Append(out, item);
      }
      out += ']';
      return;
    }
    case Value::value_t::string:
      return AppendQuoted(out, value.get_ref<const std::string&>());
    case Value::value_t::number_integer:
      return AppendInteger(out, value.get<int64_t>());
    case Value::value_t::number_unsigned:
      return AppendInteger(out, value.get<uint64_t>());
    case Value::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    default:
      out += value.dump();  // doubles in their shortest form, null
  }
}

}  // namespace

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  size_t start = 0;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (kPlainBytes[c]) {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const size_t length = Utf8Length(text.substr(i, 4)); length > 0) {
        i += length;
        continue;
      }
    }
    out.append(text.substr(start, i - start));
    AppendEscaped(out, c);
    start = ++i;
  }
  out.append(text.substr(start));
  out += '"';
}

std::string Dump(const Value& value) {
  std::string out;
  if (value.is_structured()) out.reserve(1024);
  Append(out, value);
  return out;
}

std::string DumpPretty(const Value& value, int spaces) {
  return value.dump(spaces, ' ', false, Value::error_handler_t::replace);
}

}  // namespace wherry::json
