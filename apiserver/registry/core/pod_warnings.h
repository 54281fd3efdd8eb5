#pragma once

#include "apiserver/registry/core/field_path.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::api::core::v1 {
class PodSpec;
}

// What is allowed but hardly meant: the client is told in a Warning header.
// Source: pkg/api/pod/warnings.go.
namespace wherry::apiserver::registry {

using Warnings = std::vector<std::string>;

// `path` is that of the spec: "spec", or "spec.template.spec".
void AddPodSpecWarnings(const api::core::v1::PodSpec& spec, const FieldPath& path,
                        Warnings& warnings);
// For a name that ends up in `used_in` ("the Pod's hostname") and is no DNS label.
void AddNameWarning(std::string_view name, std::string_view used_in, Warnings& warnings);

}  // namespace wherry::apiserver::registry
