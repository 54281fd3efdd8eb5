#pragma once

#include "apiserver/registry/core/field_checks.h"

#include <cstdint>
#include <string_view>

namespace wherry::api {
class Selector;
}
namespace wherry::api::core::v1 {
class PodTemplateSpec;
}

// What kinds that keep a number of equal pods have in common, in the words of upstream's
// pkg/apis/{core,apps}/validation.
namespace wherry::apiserver::registry {

// The template that `selector` must match, at `path`; `kind` is named where it is wrong.
void ValidateReplicasTemplate(const api::core::v1::PodTemplateSpec& pod_template,
                              const api::Selector& selector, std::string_view kind,
                              const FieldPath& path, ErrorList& errors);

// The status of ReplicaSets and ReplicationControllers.
struct ReplicaCounts {
  int32_t replicas = 0;
  int32_t fully_labeled = 0;
  int32_t ready = 0;
  int32_t available = 0;
  int64_t observed_generation = 0;
};
ErrorList ValidateReplicaCounts(const ReplicaCounts& counts);

// status.`field` counts some of status.replicas.
void CheckPartOfReplicas(ErrorList& errors, std::string_view field, int32_t value,
                         int32_t replicas);
// Available ones are ready, and ready ones are there.
void CheckReadyAndAvailable(ErrorList& errors, int32_t replicas, int32_t ready, int32_t available);

}  // namespace wherry::apiserver::registry
