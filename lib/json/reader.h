#pragma once

#include "lib/json/json.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::json {

// A number as its text says: integers that fit stay integers.
struct Number {
  enum class Form { kSigned, kUnsigned, kDouble } form = Form::kDouble;
  int64_t signed_value = 0;
  uint64_t unsigned_value = 0;
  double double_value = 0;
};

// Reads one RFC 8259 document value by value, for those who do not need it as a whole:
//
//   if (!reader.BeginObject()) ...
//   Reader::Scope scope;
//   while (reader.NextMember(scope, &key)) { if (!reader.Skip()) ... }
//   if (!reader.ok()) ...
//
// After the first error every call answers false. The text outlives the reader.
class Reader {
 public:
  enum class Kind { kObject, kArray, kString, kNumber, kBool, kNull, kNothing };
  // One open object or array.
  struct Scope {
    bool first = true;
  };

  explicit Reader(std::string_view text, const ParseLimits& limits = {});

  // What comes next; kNothing when no value can start here.
  Kind Next();
  bool String(std::string* out);  // appends
  bool ReadNumber(Number* out);
  bool Bool(bool* out);
  bool Null();
  bool BeginObject();
  // Reads up to a member's value; false at the end of the object, or after an error.
  bool NextMember(Scope& scope, std::string* key);
  bool BeginArray();
  bool NextItem(Scope& scope);
  // Any value, checked but not kept.
  bool Skip();
  // Any value, as a document.
  bool ReadValue(Value* value);
  // Only space is left.
  bool End();

  bool ok() const { return error_.empty(); }
  // kBadRequest, or kRequestEntityTooLarge for a text above the limit.
  Error error() const;

 private:
  bool Fail(std::string_view what);
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool TakeIf(char c);
  void SkipSpace();
  bool Enter(char bracket);
  bool Word(std::string_view word);
  bool Escape(std::string* out);
  bool UnicodeEscape(uint32_t* code);
  void SkipDigits();
  bool ToNumber(std::string_view digits, bool negative, bool integer, Number* out);

  std::string_view text_;
  ParseLimits limits_;
  size_t at_ = 0;
  size_t depth_ = 0;
  bool too_large_ = false;
  std::string error_;
};

}  // namespace wherry::json
