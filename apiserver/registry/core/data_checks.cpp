#include "apiserver/registry/core/data_checks.h"

#include "lib/api/validation.h"

#include <google/protobuf/map.h>

#include <algorithm>

namespace wherry::apiserver::registry {
namespace {

constexpr std::string_view kSealed = "field is immutable when `immutable` is set";

}  // namespace

int64_t CheckDataKeys(ErrorList& errors, const FieldPath& path, const DataMap& data) {
  int64_t bytes = 0;
  for (const auto& [key, value] : data) {
    AddReasons(errors, path.Key(key), key, api::IsConfigMapKey(key));
    bytes += static_cast<int64_t>(value.size());
  }
  return bytes;
}

void CheckStaysImmutable(ErrorList& errors, bool immutable) {
  if (!immutable) errors.Forbidden(FieldPath("immutable"), kSealed);
}

void CheckSameData(ErrorList& errors, const FieldPath& path, const DataMap& data,
                   const DataMap& before) {
  const bool same =
      data.size() == before.size() && std::all_of(data.begin(), data.end(), [&](const auto& entry) {
        const auto it = before.find(entry.first);
        return it != before.end() && it->second == entry.second;
      });
  if (!same) errors.Forbidden(path, kSealed);
}

}  // namespace wherry::apiserver::registry
