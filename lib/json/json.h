#pragma once

#include "lib/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// JSON documents: nlohmann::json behind functions that do not throw. A .cpp that looks into a Value
// includes <nlohmann/json.hpp> itself.
namespace wherry::json {

using Value = nlohmann::json;

struct ParseLimits {
  size_t max_depth = 100;  // arrays and objects inside each other
  size_t max_bytes = 3 * 1024 * 1024;
};

// A member that occurs twice in one object; the later one won.
struct DuplicateKey {
  std::string path;  // "spec.containers[0].name"
};

// Parses one UTF-8 document. `duplicates`, when not null, receives each repeated key in order.
// Errors: kRequestEntityTooLarge above max_bytes; kBadRequest for bad syntax (with the byte's
// offset), bad UTF-8, trailing text, numbers beyond double, and nesting above max_depth.
Result<Value> Parse(std::string_view text, const ParseLimits& limits = {},
                    std::vector<DuplicateKey>* duplicates = nullptr);

// Compact text, members sorted by name. Invalid UTF-8 is replaced by U+FFFD.
std::string Dump(const Value& value);
// The same with an indentation of `spaces` per level.
std::string DumpPretty(const Value& value, int spaces = 2);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendQuoted(std::string& out, std::string_view text);

}  // namespace wherry::json
