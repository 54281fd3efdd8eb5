#include "lib/json/reader.h"

#include "lib/json/utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <system_error>

namespace wherry::json {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(std::string& out, uint32_t code) {
  auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80U) {
    put(code);
  } else if (code < 0x800U) {
    put(0xC0U | code >> 6U);
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000U) {
    put(0xE0U | code >> 12U);
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | code >> 18U);
    put(0x80U | (code >> 12U & 0x3FU));
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

}  // namespace

Reader::Reader(std::string_view text, const ParseLimits& limits) : text_(text), limits_(limits) {
  if (text.size() <= limits.max_bytes) return;
  too_large_ = true;
  error_ = "JSON text of " + std::to_string(text.size()) + " bytes is above the limit of " +
           std::to_string(limits.max_bytes);
}

Error Reader::error() const {
  if (too_large_) return MakeError(Reason::kRequestEntityTooLarge, error_);
  return MakeError(Reason::kBadRequest, "parse JSON: " + error_);
}

bool Reader::Fail(std::string_view what) {
  if (ok()) error_ = "at byte " + std::to_string(at_ + 1) + ": " + std::string(what);
  return false;
}

bool Reader::TakeIf(char c) {
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void Reader::SkipSpace() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
    ++at_;
  }
}

Reader::Kind Reader::Next() {
  if (!ok()) return Kind::kNothing;
  SkipSpace();
  switch (Peek()) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    default:
      if (Peek() == '-' || IsDigit(Peek())) return Kind::kNumber;
  }
  Fail(at_ == text_.size() ? "unexpected end" : "unexpected character");
  return Kind::kNothing;
}

bool Reader::Word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return Fail("unexpected character");
  at_ += word.size();
  return true;
}

bool Reader::Bool(bool* out) {
  *out = Peek() == 't';
  return Word(*out ? "true" : "false");
}

bool Reader::Null() { return Word("null"); }

bool Reader::Enter(char bracket) {
  if (!TakeIf(bracket)) return Fail("unexpected character");
  if (++depth_ > limits_.max_depth) {
    error_ = "nested deeper than " + std::to_string(limits_.max_depth) + " levels";
    return false;
  }
  return true;
}

bool Reader::BeginObject() { return Enter('{'); }
bool Reader::BeginArray() { return Enter('['); }

bool Reader::NextMember(Scope& scope, std::string* key) {
  if (!ok()) return false;
  SkipSpace();
  if (scope.first && TakeIf('}')) {
    --depth_;
    return false;
  }
  if (!scope.first) {
    if (TakeIf('}')) {
      --depth_;
      return false;
    }
    if (!TakeIf(',')) return Fail("expected ',' or '}'");
    SkipSpace();
  }
  scope.first = false;
  if (Peek() != '"') return Fail("expected a member's name");
  key->clear();
  if (!String(key)) return false;
  SkipSpace();
  return TakeIf(':') || Fail("expected ':'");
}

bool Reader::NextItem(Scope& scope) {
  if (!ok()) return false;
  SkipSpace();
  if (TakeIf(']')) {
    --depth_;
    return false;
  }
  if (!scope.first && !TakeIf(',')) return Fail("expected ',' or ']'");
  scope.first = false;
  return true;
}

bool Reader::End() {
  if (!ok()) return false;
  SkipSpace();
  return at_ == text_.size() || Fail("text after the end of the document");
}

bool Reader::Skip() {
  std::string text;
  Scope scope;
  switch (Next()) {
    case Kind::kObject:
      if (!BeginObject()) return false;
      while (NextMember(scope, &text)) {
        if (!Skip()) return false;
      }
      return ok();
    case Kind::kArray:
      if (!BeginArray()) return false;
      while (NextItem(scope)) {
        if (!Skip()) return false;
      }
      return ok();
    case Kind::kString:
      return String(&text);
    case Kind::kNumber: {
      Number number;
      return ReadNumber(&number);
    }
    case Kind::kBool: {
      bool value = false;
      return Bool(&value);
    }
    case Kind::kNull:
      return Null();
    case Kind::kNothing:
      break;
  }
  return false;
}

bool Reader::String(std::string* out) {
  ++at_;  // the opening quote
  size_t start = at_;
  while (at_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (kPlainBytes[c]) {
      ++at_;
    } else if (c == '"') {
      out->append(text_.substr(start, at_ - start));
      ++at_;
      return true;
    } else if (c == '\\') {
      out->append(text_.substr(start, at_ - start));
      if (!Escape(out)) return false;
      start = at_;
    } else if (c < 0x20) {
      return Fail("control character in a string");
    } else {
      const size_t length = Utf8Length(text_.substr(at_, 4));
      if (length == 0) return Fail("invalid UTF-8 in a string");
      at_ += length;
    }
  }
  return Fail("string without its closing quote");
}

bool Reader::Escape(std::string* out) {
  ++at_;  // the backslash
  const char c = Peek();
  static constexpr std::string_view kShort = "\"\\/bfnrt";
  static constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
  if (const size_t found = kShort.find(c); at_ < text_.size() && found != std::string_view::npos) {
    *out += kMeaning[found];
    ++at_;
    return true;
  }
  uint32_t code = 0;
  if (!UnicodeEscape(&code)) return false;
  if (code >= 0xD800U && code < 0xDC00U) {
    uint32_t low = 0;
    if (!TakeIf('\\')) return Fail("half of a surrogate pair");
    if (!UnicodeEscape(&low)) return false;
    if (low < 0xDC00U || low > 0xDFFFU) return Fail("half of a surrogate pair");
    code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
  } else if (code >= 0xDC00U && code <= 0xDFFFU) {
    return Fail("half of a surrogate pair");
  }
  AppendUtf8(*out, code);
  return true;
}

// "uXXXX", after the backslash.
bool Reader::UnicodeEscape(uint32_t* code) {
  const std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
  if (Peek() != 'u' || digits.size() < 4) return Fail("unknown escape");
  auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, *code, 16);
  if (error != std::errc() || end != digits.data() + 4) return Fail("unknown escape");
  at_ += 5;
  return true;
}

bool Reader::ReadNumber(Number* out) {
  const size_t start = at_;
  const bool negative = TakeIf('-');
  if (!IsDigit(Peek())) {
    at_ = start;
    return Fail("unexpected character");
  }
  if (TakeIf('0')) {
    if (IsDigit(Peek())) return Fail("number with a leading zero");
  } else {
    SkipDigits();
  }
  bool integer = true;
  if (TakeIf('.')) {
    integer = false;
    if (!IsDigit(Peek())) return Fail("expected a digit");
    SkipDigits();
  }
  if (TakeIf('e') || TakeIf('E')) {
    integer = false;
    if (!TakeIf('+')) TakeIf('-');
    if (!IsDigit(Peek())) return Fail("expected a digit");
    SkipDigits();
  }
  return ToNumber(text_.substr(start, at_ - start), negative, integer, out);
}

void Reader::SkipDigits() {
  while (IsDigit(Peek())) ++at_;
}

bool Reader::ToNumber(std::string_view digits, bool negative, bool integer, Number* out) {
  const char* end = digits.data() + digits.size();
  if (integer && negative &&
      std::from_chars(digits.data(), end, out->signed_value).ec == std::errc()) {
    out->form = Number::Form::kSigned;
    return true;
  }
  if (integer && !negative &&
      std::from_chars(digits.data(), end, out->unsigned_value).ec == std::errc()) {
    out->form = Number::Form::kUnsigned;
    return true;
  }
  out->form = Number::Form::kDouble;
  const auto result = std::from_chars(digits.data(), end, out->double_value);
  // Too small for a double is zero; too large is an error.
  if (result.ec == std::errc::result_out_of_range) {
    out->double_value = std::strtod(std::string(digits).c_str(), nullptr);
    if (!std::isfinite(out->double_value)) return Fail("number out of range");
  }
  return true;
}

}  // namespace wherry::json
