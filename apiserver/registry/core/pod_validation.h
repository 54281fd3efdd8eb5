#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <string_view>

namespace wherry::api::core::v1 {
class Pod;
class PodSpec;
class PodTemplateSpec;
}  // namespace wherry::api::core::v1

// Rules for pods and pod templates. Source: pkg/apis/core/validation/validation.go.
namespace wherry::apiserver::registry {

// Whose spec it is: some rules are for pods and not for templates.
struct PodSpecOwner {
  bool is_pod = false;
  std::string_view pod_name;  // "" when not known
};

void ValidatePodSpec(const api::core::v1::PodSpec& spec, const PodSpecOwner& owner,
                     const FieldPath& path, ErrorList& errors);
void ValidatePodTemplate(const api::core::v1::PodTemplateSpec& pod_template, const FieldPath& path,
                         ErrorList& errors);

ErrorList ValidatePodCreate(const api::core::v1::Pod& pod);
ErrorList ValidatePodUpdate(const api::core::v1::Pod& pod, const api::core::v1::Pod& old);
ErrorList ValidatePodStatusUpdate(const api::core::v1::Pod& pod, const api::core::v1::Pod& old);

// metadata and spec as they must be at any time.
void ValidatePodAlways(const api::core::v1::Pod& pod, ErrorList& errors);
// Annotations that may not change once the pod exists.
void ValidatePodAnnotationsUpdate(const api::core::v1::Pod& pod, const api::core::v1::Pod& old,
                                  ErrorList& errors);

}  // namespace wherry::apiserver::registry
