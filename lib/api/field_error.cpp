#include "lib/api/field_error.h"

#include "lib/json/json.h"

#include <array>
#include <set>
#include <utility>

namespace wherry::api::field {
namespace {

struct TypeRow {
  FieldError::Type type;
  std::string_view reason;
  std::string_view text;
};

constexpr std::array kTypes = {
    TypeRow{FieldError::Type::kNotFound, "FieldValueNotFound", "Not found"},
    TypeRow{FieldError::Type::kRequired, "FieldValueRequired", "Required value"},
    TypeRow{FieldError::Type::kDuplicate, "FieldValueDuplicate", "Duplicate value"},
    TypeRow{FieldError::Type::kInvalid, "FieldValueInvalid", "Invalid value"},
    TypeRow{FieldError::Type::kNotSupported, "FieldValueNotSupported", "Unsupported value"},
    TypeRow{FieldError::Type::kForbidden, "FieldValueForbidden", "Forbidden"},
    TypeRow{FieldError::Type::kTooLong, "FieldValueTooLong", "Too long"},
    TypeRow{FieldError::Type::kTooMany, "FieldValueTooMany", "Too many"},
    TypeRow{FieldError::Type::kInternal, "InternalError", "Internal error"},
    TypeRow{FieldError::Type::kTypeInvalid, "FieldValueTypeInvalid", "Invalid value"},
};

constexpr bool IndexedByType() {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (static_cast<size_t>(kTypes[i].type) != i) return false;
  }
  return true;
}
static_assert(IndexedByType());
static_assert(kTypes.size() == static_cast<size_t>(FieldError::Type::kTypeInvalid) + 1);

std::string Quoted(std::string_view text) {
  std::string quoted;
  json::AppendQuoted(quoted, text);
  return quoted;
}

}  // namespace

Path Path::Child(std::string_view name) const {
  Path child;
  child.text_ = text_;
  if (!child.text_.empty()) child.text_ += '.';
  child.text_ += name;
  return child;
}

Path Path::Index(size_t index) const {
  Path item;
  item.text_ = text_ + '[' + std::to_string(index) + ']';
  return item;
}

Path Path::Key(std::string_view key) const {
  Path value;
  value.text_ = text_ + '[' + std::string(key) + ']';
  return value;
}

std::string_view FieldError::CauseReason() const {
  return kTypes[static_cast<size_t>(type)].reason;
}

BadValue::BadValue(std::string_view text) : text_(Quoted(text)) {}
BadValue::BadValue(int64_t number) : text_(std::to_string(number)) {}
BadValue::BadValue(bool value) : text_(value ? "true" : "false") {}
BadValue::BadValue(std::nullptr_t) : text_("null") {}

BadValue BadValue::Raw(std::string text) {
  BadValue value;
  value.text_ = std::move(text);
  return value;
}

void ErrorList::Add(FieldError::Type type, const Path& path, const BadValue* value,
                    std::string_view detail) {
  if (errors_.size() >= kErrorsMax) {
    ++left_out_;
    return;
  }
  FieldError error{.type = type, .field = path.String()};
  error.body = kTypes[static_cast<size_t>(type)].text;
  if (value != nullptr) error.body += ": " + value->text();
  if (!detail.empty()) {
    error.body += ": ";
    error.body += detail;
  }
  errors_.push_back(std::move(error));
}

void ErrorList::Required(const Path& path, std::string_view detail) {
  Add(FieldError::Type::kRequired, path, nullptr, detail);
}
void ErrorList::Invalid(const Path& path, const BadValue& value, std::string_view detail) {
  Add(FieldError::Type::kInvalid, path, &value, detail);
}
void ErrorList::InvalidEach(const Path& path, const BadValue& value,
                            const std::vector<std::string>& reasons) {
  for (const std::string& reason : reasons) Invalid(path, value, reason);
}
void ErrorList::NotSupported(const Path& path, const BadValue& value,
                             const std::vector<std::string>& supported) {
  std::string detail;
  for (const std::string& each : supported) {
    detail += detail.empty() ? "supported values: " : ", ";
    detail += Quoted(each);
  }
  Add(FieldError::Type::kNotSupported, path, &value, detail);
}
void ErrorList::Forbidden(const Path& path, std::string_view detail) {
  Add(FieldError::Type::kForbidden, path, nullptr, detail);
}
void ErrorList::TooLong(const Path& path, int64_t max_bytes) {
  Add(FieldError::Type::kTooLong, path, nullptr,
      "must have at most " + std::to_string(max_bytes) + " bytes");
}
void ErrorList::TooMany(const Path& path, int64_t actual, int64_t max_items) {
  const BadValue value(actual);
  Add(FieldError::Type::kTooMany, path, &value,
      "must have at most " + std::to_string(max_items) + " items");
}
void ErrorList::Duplicate(const Path& path, const BadValue& value) {
  Add(FieldError::Type::kDuplicate, path, &value, "");
}
void ErrorList::NotFound(const Path& path, const BadValue& value) {
  Add(FieldError::Type::kNotFound, path, &value, "");
}
void ErrorList::InternalError(const Path& path, std::string_view detail) {
  Add(FieldError::Type::kInternal, path, nullptr, detail);
}

void ErrorList::Append(ErrorList other) {
  left_out_ += other.left_out_;
  for (FieldError& error : other.errors_) {
    if (errors_.size() < kErrorsMax) {
      errors_.push_back(std::move(error));
    } else {
      ++left_out_;
    }
  }
}

Error ErrorList::ToError(std::string_view group, std::string_view kind,
                         std::string_view name) const {
  Error error = MakeError(Reason::kInvalid, "");
  std::set<std::string> seen;
  std::string joined;
  for (const FieldError& each : errors_) {
    std::string text = each.Message();
    error.details.causes.push_back(
        {.reason = std::string(each.CauseReason()), .message = each.body, .field = each.field});
    if (!seen.insert(text).second) continue;
    if (!joined.empty()) joined += ", ";
    joined += text;
  }
  if (left_out_ > 0) {
    const std::string rest = std::to_string(left_out_) + " more errors are not listed";
    error.details.causes.push_back({.reason = "", .message = rest, .field = ""});
    seen.insert(rest);
    joined += ", " + rest;
  }
  if (seen.size() > 1) joined = '[' + joined + ']';
  std::string qualified(kind);
  if (!group.empty()) qualified += '.' + std::string(group);
  error.message = qualified + ' ' + Quoted(name) + " is invalid";
  if (!joined.empty()) error.message += ": " + joined;
  error.details.name = name;
  error.details.group = group;
  error.details.kind = kind;
  return error;
}

}  // namespace wherry::api::field
