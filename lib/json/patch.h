#pragma once

#include "lib/json/json.h"

namespace wherry::json {

struct PatchLimits {
  size_t max_operations = 10000;              // upstream's limit, in JSON Patch
  size_t max_copied_bytes = 3 * 1024 * 1024;  // sum of what "copy" operations add
  size_t max_depth = 100;                     // of what an operation adds, at its place
  // Sum of the items that arrays shift for the operations and of the values that are looked at to
  // learn how deep a moved or copied one is: what operations cost beyond their own text.
  size_t max_work = 2'000'000;
};

// RFC 6902. `patch` is the array of operations; the document is taken by value and given back
// changed. As upstream's json-patch library does, "remove" and "replace" of a member that is not
// there fail, and a negative array index is refused.
// Errors: kBadRequest for a patch that is not well formed, kRequestEntityTooLarge beyond the
// limits, kInvalid when an operation does not apply ("test" included).
Result<Value> ApplyJsonPatch(Value document, const Value& patch, const PatchLimits& limits = {});

// RFC 7386: objects merge member by member, null deletes, anything else replaces. Never fails.
void ApplyMergePatch(Value& document, const Value& patch);

}  // namespace wherry::json
