#pragma once

#include "lib/base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Validation errors with the path of the field they are about. Source: apimachinery
// pkg/util/validation/field.
namespace wherry::api::field {

// "spec.containers[0].env[PATH]".
class Path {
 public:
  Path() = default;
  explicit Path(std::string_view name) : text_(name) {}

  Path Child(std::string_view name) const;
  Path Index(size_t index) const;
  Path Key(std::string_view key) const;
  const std::string& String() const { return text_; }

 private:
  std::string text_;
};

struct FieldError {
  enum class Type {
    kNotFound,
    kRequired,
    kDuplicate,
    kInvalid,
    kNotSupported,
    kForbidden,
    kTooLong,
    kTooMany,
    kInternal,
    kTypeInvalid,
  };
  Type type = Type::kInvalid;
  std::string field;
  std::string body;  // `Invalid value: "A": must be lower case`

  // "spec.name: Required value"
  std::string Message() const { return field + ": " + body; }
  // "FieldValueRequired", the reason in a Status cause.
  std::string_view CauseReason() const;
};

// A value as messages show it: text is quoted, numbers and booleans are not, null is null.
class BadValue {
 public:
  BadValue(std::string_view text);
  BadValue(const std::string& text) : BadValue(std::string_view(text)) {}
  BadValue(const char* text) : BadValue(std::string_view(text)) {}
  BadValue(int64_t number);
  BadValue(int32_t number) : BadValue(static_cast<int64_t>(number)) {}
  BadValue(bool value);
  BadValue(std::nullptr_t);
  // Shown as it is: a quantity, or JSON text.
  static BadValue Raw(std::string text);
  const std::string& text() const { return text_; }

 private:
  BadValue() = default;
  std::string text_;
};

// More than kErrorsMax are only counted: megabytes of invalid labels would make megabytes of
// causes.
class ErrorList {
 public:
  static constexpr size_t kErrorsMax = 1000;

  void Required(const Path& path, std::string_view detail = "");
  void Invalid(const Path& path, const BadValue& value, std::string_view detail);
  // One Invalid per reason.
  void InvalidEach(const Path& path, const BadValue& value,
                   const std::vector<std::string>& reasons);
  void NotSupported(const Path& path, const BadValue& value,
                    const std::vector<std::string>& supported);
  void Forbidden(const Path& path, std::string_view detail);
  void TooLong(const Path& path, int64_t max_bytes);
  void TooMany(const Path& path, int64_t actual, int64_t max_items);
  void Duplicate(const Path& path, const BadValue& value);
  void NotFound(const Path& path, const BadValue& value);
  void InternalError(const Path& path, std::string_view detail);
  void Append(ErrorList other);

  bool empty() const { return errors_.empty(); }
  size_t size() const { return errors_.size(); }
  const std::vector<FieldError>& errors() const { return errors_; }

  // kInvalid with upstream's message (`Pod "x" is invalid: spec.containers: Required value`,
  // several in brackets) and one cause per error; the last one says how many were left out.
  Error ToError(std::string_view group, std::string_view kind, std::string_view name) const;

 private:
  void Add(FieldError::Type type, const Path& path, const BadValue* value, std::string_view detail);
  std::vector<FieldError> errors_;
  size_t left_out_ = 0;
};

}  // namespace wherry::api::field
