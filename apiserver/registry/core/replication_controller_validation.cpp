#include "apiserver/registry/core/replication_controller_validation.h"

#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/pod_validation.h"
#include "lib/api/labels.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry::core {

using api::core::v1::ReplicationController;
using api::core::v1::ReplicationControllerSpec;

namespace {

constexpr std::string_view kOnlyAlways[] = {"Always"};

void ValidateTemplate(const ReplicationControllerSpec& spec, const FieldPath& path,
                      ErrorList& errors) {
  if (!spec.has_template_()) return errors.Required(path);
  const auto& pod_template = spec.template_();
  const auto& wanted = spec.selector();
  const auto& labels = pod_template.metadata().labels();
  const api::Selector selector =
      api::Selector::FromMap(api::LabelMap(wanted.begin(), wanted.end()));
  if (!selector.Matches(api::LabelMap(labels.begin(), labels.end()))) {
    errors.Invalid(path.Child("metadata", "labels"), GoMap(labels),
                   "`selector` does not match template `labels`");
  }
  ValidatePodTemplate(pod_template, path, errors);
  CheckOneOf(errors, path.Child("spec", "restartPolicy"), pod_template.spec().restartpolicy(),
             kOnlyAlways);
  if (pod_template.spec().has_activedeadlineseconds()) {
    errors.Forbidden(path.Child("spec", "activeDeadlineSeconds"),
                     "activeDeadlineSeconds in ReplicationController is not Supported");
  }
}

}  // namespace

ErrorList ValidateReplicationController(const ReplicationController& controller) {
  const auto& spec = controller.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("minReadySeconds"), spec.minreadyseconds());
  if (spec.selector().empty()) errors.Required(path.Child("selector"));
  CheckNonNegative(errors, path.Child("replicas"), spec.replicas());
  ValidateTemplate(spec, path.Child("template"), errors);
  return errors;
}

ErrorList ValidateReplicationControllerStatus(const ReplicationController& controller) {
  const auto& status = controller.status();
  FieldPath path("status");
  ErrorList errors;
  auto check_at_most = [&](std::string_view field, int32_t value, int32_t most,
                           std::string_view detail) {
    if (value > most) errors.Invalid(path.Child(field), value, detail);
  };
  constexpr std::string_view kMoreThanReplicas = "cannot be greater than status.replicas";
  CheckNonNegative(errors, path.Child("replicas"), status.replicas());
  CheckNonNegative(errors, path.Child("fullyLabeledReplicas"), status.fullylabeledreplicas());
  CheckNonNegative(errors, path.Child("readyReplicas"), status.readyreplicas());
  CheckNonNegative(errors, path.Child("availableReplicas"), status.availablereplicas());
  CheckNonNegative(errors, path.Child("observedGeneration"), status.observedgeneration());
  check_at_most("fullyLabeledReplicas", status.fullylabeledreplicas(), status.replicas(),
                kMoreThanReplicas);
  check_at_most("readyReplicas", status.readyreplicas(), status.replicas(), kMoreThanReplicas);
  check_at_most("availableReplicas", status.availablereplicas(), status.replicas(),
                kMoreThanReplicas);
  check_at_most("availableReplicas", status.availablereplicas(), status.readyreplicas(),
                "cannot be greater than readyReplicas");
  return errors;
}

}  // namespace wherry::apiserver::registry::core
