// RFC 8259, straight into documents. nlohmann's parser neither limits depth nor reports repeated
// keys, and takes twice as long.

#include "lib/json/json.h"
#include "lib/json/utf8.h"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace wherry::json {
namespace {

// Bytes a string may hold as they are, UTF-8 sequences aside.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0x20; i < 0x80; ++i) table[i] = i != '"' && i != '\\';
  return table;
}();

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

// Every method answers false after an error, which is then in error_.
class Parser {
 public:
  Parser(std::string_view text, const ParseLimits& limits, std::vector<DuplicateKey>* duplicates)
      : text_(text), limits_(limits), duplicates_(duplicates) {}

  bool Document(Value* value) {
    SkipSpace();
    if (!ParseValue(value)) return false;
    SkipSpace();
    return at_ == text_.size() || Fail("text after the end of the document");
  }
  const std::string& error() const { return error_; }

 private:
  // One container being read; a chain on the stack, for the paths of repeated keys.
  struct Level {
    const Level* outer;
    const std::string* key = nullptr;  // null in arrays
    size_t index = 0;
  };

  bool Fail(std::string_view what) {
    error_ = "at byte " + std::to_string(at_ + 1) + ": " + std::string(what);
    return false;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool TakeIf(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
      ++at_;
    }
  }

  bool ParseValue(Value* value) {
    if (at_ == text_.size()) return Fail("unexpected end");
    switch (text_[at_]) {
      case '{':
        return ParseObject(value);
      case '[':
        return ParseArray(value);
      case '"': {
        std::string text;
        if (!ParseString(&text)) return false;
        *value = std::move(text);
        return true;
      }
      case 't':
        return ParseWord("true", Value(true), value);
      case 'f':
        return ParseWord("false", Value(false), value);
      case 'n':
        return ParseWord("null", Value(nullptr), value);
      default:
        return ParseNumber(value);
    }
  }

  bool ParseWord(std::string_view word, Value meaning, Value* value) {
    if (text_.substr(at_, word.size()) != word) return Fail("unexpected character");
    at_ += word.size();
    *value = std::move(meaning);
    return true;
  }

  bool Enter() {
    if (depth_ >= limits_.max_depth) {
      error_ = "nested deeper than " + std::to_string(limits_.max_depth) + " levels";
      return false;
    }
    ++depth_;
    ++at_;
    SkipSpace();
    return true;
  }

  bool ParseObject(Value* value) {
    if (!Enter()) return false;
    *value = Value::object();
    auto& members = value->get_ref<Value::object_t&>();
    Level level{.outer = level_};
    level_ = &level;
    if (!TakeIf('}')) {
      do {
        SkipSpace();
        std::string key;
        if (Peek() != '"') return Fail("expected a member's name");
        if (!ParseString(&key)) return false;
        SkipSpace();
        if (!TakeIf(':')) return Fail("expected ':'");
        SkipSpace();
        // Clients mostly send members in order.
        const size_t size = members.size();
        auto member = members.try_emplace(members.end(), std::move(key));
        level.key = &member->first;
        if (members.size() == size && duplicates_ != nullptr)
          duplicates_->push_back({.path = Path()});
        if (!ParseValue(&member->second)) return false;
        SkipSpace();
      } while (TakeIf(','));
      if (!TakeIf('}')) return Fail("expected ',' or '}'");
    }
    return Leave();
  }

  bool ParseArray(Value* value) {
    if (!Enter()) return false;
    *value = Value::array();
    auto& items = value->get_ref<Value::array_t&>();
    Level level{.outer = level_};
    level_ = &level;
    if (!TakeIf(']')) {
      do {
        SkipSpace();
        level.index = items.size();
        if (!ParseValue(&items.emplace_back())) return false;
        SkipSpace();
      } while (TakeIf(','));
      if (!TakeIf(']')) return Fail("expected ',' or ']'");
    }
    return Leave();
  }

  bool Leave() {
    level_ = level_->outer;
    --depth_;
    return true;
  }

  bool ParseString(std::string* out) {
    ++at_;  // the opening quote
    size_t start = at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (kPlain[c]) {
        ++at_;
      } else if (c == '"') {
        out->append(text_.substr(start, at_ - start));
        ++at_;
        return true;
      } else if (c == '\\') {
        out->append(text_.substr(start, at_ - start));
        if (!ParseEscape(out)) return false;
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

  bool ParseEscape(std::string* out) {
    ++at_;  // the backslash
    const char c = Peek();
    static constexpr std::string_view kShort = "\"\\/bfnrt";
    static constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
    if (const size_t found = kShort.find(c);
        at_ < text_.size() && found != std::string_view::npos) {
      *out += kMeaning[found];
      ++at_;
      return true;
    }
    uint32_t code = 0;
    if (!ParseUnicodeEscape(&code)) return false;
    if (code >= 0xD800U && code < 0xDC00U) {
      uint32_t low = 0;
      if (!TakeIf('\\')) return Fail("half of a surrogate pair");
      if (!ParseUnicodeEscape(&low)) return false;
      if (low < 0xDC00U || low > 0xDFFFU) return Fail("half of a surrogate pair");
      code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
    } else if (code >= 0xDC00U && code <= 0xDFFFU) {
      return Fail("half of a surrogate pair");
    }
    AppendUtf8(*out, code);
    return true;
  }

  // "uXXXX", after the backslash.
  bool ParseUnicodeEscape(uint32_t* code) {
    const std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
    if (Peek() != 'u' || digits.size() < 4) return Fail("unknown escape");
    auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, *code, 16);
    if (error != std::errc() || end != digits.data() + 4) return Fail("unknown escape");
    at_ += 5;
    return true;
  }

  bool ParseNumber(Value* value) {
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
    return Number(text_.substr(start, at_ - start), negative, integer, value);
  }

  void SkipDigits() {
    while (IsDigit(Peek())) ++at_;
  }

  bool Number(std::string_view digits, bool negative, bool integer, Value* value) {
    const char* end = digits.data() + digits.size();
    if (integer && negative) {
      int64_t number = 0;
      if (std::from_chars(digits.data(), end, number).ec == std::errc()) {
        *value = number;
        return true;
      }
    } else if (integer) {
      uint64_t number = 0;
      if (std::from_chars(digits.data(), end, number).ec == std::errc()) {
        *value = number;
        return true;
      }
    }
    double number = 0;
    const auto result = std::from_chars(digits.data(), end, number);
    // Too small for a double is zero; too large is an error.
    if (result.ec == std::errc::result_out_of_range) {
      number = std::strtod(std::string(digits).c_str(), nullptr);
      if (!std::isfinite(number)) return Fail("number out of range");
    }
    *value = number;
    return true;
  }

  std::string Path() const {
    std::vector<const Level*> chain;
    for (const Level* level = level_; level != nullptr; level = level->outer)
      chain.push_back(level);
    std::string path;
    for (auto level = chain.rbegin(); level != chain.rend(); ++level) {
      if ((*level)->key == nullptr) {
        path += '[' + std::to_string((*level)->index) + ']';
      } else {
        if (!path.empty()) path += '.';
        path += *(*level)->key;
      }
    }
    return path;
  }

  std::string_view text_;
  const ParseLimits& limits_;
  std::vector<DuplicateKey>* duplicates_;
  size_t at_ = 0;
  size_t depth_ = 0;
  const Level* level_ = nullptr;
  std::string error_;
};

}  // namespace

Result<Value> Parse(std::string_view text, const ParseLimits& limits,
                    std::vector<DuplicateKey>* duplicates) {
  if (text.size() > limits.max_bytes) {
    return MakeError(Reason::kRequestEntityTooLarge, "JSON text of " + std::to_string(text.size()) +
                                                         " bytes is above the limit of " +
                                                         std::to_string(limits.max_bytes));
  }
  Value value;
  Parser parser(text, limits, duplicates);
  if (!parser.Document(&value))
    return MakeError(Reason::kBadRequest, "parse JSON: " + parser.error());
  return value;
}

}  // namespace wherry::json
