#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
}

// The named values of ConfigMaps and Secrets.
namespace wherry::apiserver::registry {

using DataMap = google::protobuf::Map<std::string, std::string>;

// That keys are names of files. Answers the bytes of all values.
int64_t CheckDataKeys(ErrorList& errors, const FieldPath& path, const DataMap& data);

// `immutable` was set before: it stays so,
void CheckStaysImmutable(ErrorList& errors, bool immutable);
// and so does the data at `path`.
void CheckSameData(ErrorList& errors, const FieldPath& path, const DataMap& data,
                   const DataMap& before);

}  // namespace wherry::apiserver::registry
