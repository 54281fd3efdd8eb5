#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <string>

namespace google::protobuf {
template <typename T>
class RepeatedPtrField;
}
namespace wherry::api::meta::v1 {
class Quantity;
}

// What persistent volumes, their claims and storage classes have in common.
// Source: pkg/apis/core/validation, pkg/apis/core/v1/helper.
namespace wherry::apiserver::registry::volumes {

using AccessModes = google::protobuf::RepeatedPtrField<std::string>;

inline constexpr std::string_view kVolumeModes[] = {"Block", "Filesystem"};

// `missing` is the detail of the error for no mode at all.
void CheckAccessModes(ErrorList& errors, const FieldPath& path, const AccessModes& modes,
                      std::string_view missing);
void CheckPositive(ErrorList& errors, const FieldPath& path, const api::meta::v1::Quantity& value);
// Empty is fine.
void CheckClassName(ErrorList& errors, const FieldPath& path, std::string_view name);

// "RWO,ROX": each once, in a fixed order.
std::string AccessModesText(const AccessModes& modes);

}  // namespace wherry::apiserver::registry::volumes
