#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <string>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
}
namespace wherry::api::meta::v1 {
class LabelSelector;
}

// Labels and what selects by them. Source: apimachinery pkg/apis/meta/v1/validation.
namespace wherry::apiserver::registry {

using StringMap = google::protobuf::Map<std::string, std::string>;

void ValidateLabelMap(const StringMap& labels, const FieldPath& path, ErrorList& errors);
void ValidateLabelSelector(const api::meta::v1::LabelSelector& selector, const FieldPath& path,
                           ErrorList& errors);

}  // namespace wherry::apiserver::registry
