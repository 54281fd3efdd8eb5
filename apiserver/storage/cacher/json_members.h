#pragma once

#include <cstddef>
#include <forward_list>
#include <string>
#include <string_view>

namespace wherry::apiserver::storage {

// Walks the members of one JSON object in its text, without building anything.
//
//   for (JsonMembers members(text); members.Next();) Use(members.key(), members.value());
//
// Made for text that a JSON encoder wrote: strings and nesting are followed exactly, the spelling
// of numbers and literals is not checked. RFC 8259.
class JsonMembers {
 public:
  // `text` may begin with white space; anything but an object has no members and fails.
  explicit JsonMembers(std::string_view text);

  // Moves to the next member; false at the end or where the text breaks off.
  bool Next();
  // What was met is not an object, or broken.
  bool failed() const { return failed_; }

  // Between the quotes, escapes not resolved.
  std::string_view key() const { return key_; }
  // Exactly the value's text.
  std::string_view value() const { return value_; }
  // Offset just after the opening brace.
  size_t begin() const { return begin_; }

 private:
  bool Fail();

  std::string_view text_;
  size_t at_ = 0;
  size_t begin_ = 0;
  bool first_ = true;
  bool failed_ = false;
  std::string_view key_;
  std::string_view value_;
};

// The end of the JSON value that starts at `at`; npos where the text breaks off.
size_t SkipJsonValue(std::string_view text, size_t at);

// The text of the value at a path of member names ("spec.nodeName"); "" when there is none.
std::string_view FindJsonPath(std::string_view object, std::string_view path);

// What a scalar's text stands for: a string without quotes, a number or literal as spelled, "" for
// null, arrays and objects. A view of `value`, unless there are escapes to resolve: then of a
// string added to `kept`.
std::string_view JsonScalar(std::string_view value, std::forward_list<std::string>& kept);

}  // namespace wherry::apiserver::storage
