#pragma once

#include "lib/json/json.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::json {

// RFC 6901: "/spec/containers/0/image". The empty pointer is the whole document.
class Pointer {
 public:
  // Errors: kBadRequest when it neither is empty nor starts with '/', or has a '~' not followed by
  // 0 or 1.
  static Result<Pointer> Parse(std::string_view text);

  const std::vector<std::string>& tokens() const { return tokens_; }
  bool empty() const { return tokens_.empty(); }
  std::string String() const;
  bool IsPrefixOf(const Pointer& other) const;

  // Null when there is nothing there. "-" names nothing.
  const Value* Find(const Value& root) const;
  Value* Find(Value& root) const;

 private:
  std::vector<std::string> tokens_;
};

// An array index as RFC 6901 writes it: digits without a leading zero; false otherwise.
bool ParseIndex(std::string_view token, size_t* index);

}  // namespace wherry::json
