#include "apiserver/registry/core/replicas_validation.h"

#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/pod_validation.h"
#include "lib/api/labels.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {
namespace {

constexpr std::string_view kOnlyAlways[] = {"Always"};

void CheckAtMost(ErrorList& errors, std::string_view field, int32_t value, int32_t most,
                 std::string_view detail) {
  if (value > most) errors.Invalid(FieldPath("status").Child(field), value, detail);
}

}  // namespace

void ValidateReplicasTemplate(const api::core::v1::PodTemplateSpec& pod_template,
                              const api::Selector& selector, std::string_view kind,
                              const FieldPath& path, ErrorList& errors) {
  const auto& labels = pod_template.metadata().labels();
  if (!selector.Matches(api::LabelMap(labels.begin(), labels.end()))) {
    errors.Invalid(path.Child("metadata", "labels"), GoMap(labels),
                   "`selector` does not match template `labels`");
  }
  ValidatePodTemplate(pod_template, path, errors);
  const auto& spec = pod_template.spec();
  CheckOneOf(errors, path.Child("spec", "restartPolicy"), spec.restartpolicy(), kOnlyAlways);
  if (spec.has_activedeadlineseconds()) {
    errors.Forbidden(path.Child("spec", "activeDeadlineSeconds"),
                     "activeDeadlineSeconds in " + std::string(kind) + " is not Supported");
  }
}

ErrorList ValidateReplicaCounts(const ReplicaCounts& counts) {
  FieldPath path("status");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("replicas"), counts.replicas);
  CheckNonNegative(errors, path.Child("fullyLabeledReplicas"), counts.fully_labeled);
  CheckNonNegative(errors, path.Child("readyReplicas"), counts.ready);
  CheckNonNegative(errors, path.Child("availableReplicas"), counts.available);
  CheckNonNegative(errors, path.Child("observedGeneration"), counts.observed_generation);
  CheckPartOfReplicas(errors, "fullyLabeledReplicas", counts.fully_labeled, counts.replicas);
  CheckReadyAndAvailable(errors, counts.replicas, counts.ready, counts.available);
  return errors;
}

void CheckPartOfReplicas(ErrorList& errors, std::string_view field, int32_t value,
                         int32_t replicas) {
  CheckAtMost(errors, field, value, replicas, "cannot be greater than status.replicas");
}

void CheckReadyAndAvailable(ErrorList& errors, int32_t replicas, int32_t ready, int32_t available) {
  CheckPartOfReplicas(errors, "readyReplicas", ready, replicas);
  CheckPartOfReplicas(errors, "availableReplicas", available, replicas);
  CheckAtMost(errors, "availableReplicas", available, ready,
              "cannot be greater than readyReplicas");
}

}  // namespace wherry::apiserver::registry
