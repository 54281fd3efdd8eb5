#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <string_view>
#include <vector>

namespace wherry::api::core::v1 {
class VolumeSource;
}

namespace wherry::apiserver::registry {

// The JSON names of the sources that are set, in the order in which upstream looks at them: when
// there are several, those after the first are refused.
using VolumeSourceKinds = std::vector<std::string_view>;
VolumeSourceKinds SetVolumeSources(const api::core::v1::VolumeSource& source);

// The rules of a source on a host, in a claim, or in a storage system.
void ValidateStorageSource(const api::core::v1::VolumeSource& source, std::string_view kind,
                           const FieldPath& path, ErrorList& errors);

}  // namespace wherry::apiserver::registry
