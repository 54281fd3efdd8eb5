#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::core::v1 {
class PodTemplateSpec;
}
namespace wherry::api::meta::v1 {
class LabelSelector;
}
namespace wherry::api::apps::v1 {
class Deployment;
class ReplicaSet;
class StatefulSet;
}  // namespace wherry::api::apps::v1

// Source: pkg/apis/apps/validation.
namespace wherry::apiserver::registry::apps {

// A selector and the template it must match; `present` is whether the selector is there at all.
void ValidateSelectorAndTemplate(bool present, const api::meta::v1::LabelSelector& selector,
                                 const api::core::v1::PodTemplateSpec& pod_template,
                                 ErrorList& errors);
void ValidateSelectorUnchanged(const api::meta::v1::LabelSelector& selector,
                               const api::meta::v1::LabelSelector& old, ErrorList& errors);

ErrorList ValidateDeployment(const api::apps::v1::Deployment& deployment);
ErrorList ValidateDeploymentStatus(const api::apps::v1::Deployment& deployment,
                                   const api::apps::v1::Deployment& old);
ErrorList ValidateReplicaSet(const api::apps::v1::ReplicaSet& replica_set);
ErrorList ValidateStatefulSet(const api::apps::v1::StatefulSet& set);
ErrorList ValidateStatefulSetStatus(const api::apps::v1::StatefulSet& set);

}  // namespace wherry::apiserver::registry::apps
