#include "apiserver/registry/apps/workload_validation.h"

#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/replicas_validation.h"
#include "apiserver/registry/core/selector_validation.h"
#include "lib/api/intstr.h"
#include "lib/api/labels.h"
#include "lib/api/validation.h"
#include "proto/api/apps/v1.pb.h"

namespace wherry::apiserver::registry::apps {

using api::apps::v1::Deployment;
using api::apps::v1::DeploymentStrategy;
using api::apps::v1::ReplicaSet;
using api::core::v1::PodTemplateSpec;
using api::meta::v1::IntOrString;
using api::meta::v1::LabelSelector;

namespace {

constexpr std::string_view kStrategies[] = {"Recreate", "RollingUpdate"};

void ValidateIntOrPercent(const IntOrString& value, const FieldPath& path, ErrorList& errors) {
  if (api::IsString(value)) {
    AddReasons(errors, path, GoIntOrString(value), api::IsValidPercent(value.strval()));
  } else {
    CheckNonNegative(errors, path, value.intval());
  }
}

// The number in "25%", or the number itself.
int64_t NumberIn(const IntOrString& value) {
  if (!api::IsString(value)) return value.intval();
  if (!api::IsValidPercent(value.strval()).empty()) return 0;
  int64_t number = 0;
  for (char c : value.strval()) {
    if (c >= '0' && c <= '9' && number < 1'000'000'000) number = number * 10 + (c - '0');
  }
  return number;
}

void ValidateStrategy(const DeploymentStrategy& strategy, const FieldPath& path,
                      ErrorList& errors) {
  FieldPath rolling_path = path.Child("rollingUpdate");
  if (strategy.type() == "Recreate") {
    if (strategy.has_rollingupdate()) {
      errors.Forbidden(rolling_path, "may not be specified when strategy `type` is 'Recreate'");
    }
    return;
  }
  if (strategy.type() != "RollingUpdate") {
    return CheckOneOf(errors, path, strategy.type(), kStrategies);
  }
  const auto& rolling = strategy.rollingupdate();
  FieldPath unavailable = rolling_path.Child("maxUnavailable");
  ValidateIntOrPercent(rolling.maxunavailable(), unavailable, errors);
  ValidateIntOrPercent(rolling.maxsurge(), rolling_path.Child("maxSurge"), errors);
  if (NumberIn(rolling.maxunavailable()) == 0 && NumberIn(rolling.maxsurge()) == 0) {
    errors.Invalid(unavailable, GoIntOrString(rolling.maxunavailable()),
                   "may not be 0 when `maxSurge` is 0");
  }
  if (api::IsString(rolling.maxunavailable()) && NumberIn(rolling.maxunavailable()) > 100) {
    errors.Invalid(unavailable, GoIntOrString(rolling.maxunavailable()),
                   "must not be greater than 100%");
  }
}

}  // namespace

void ValidateSelectorAndTemplate(bool present, const LabelSelector& selector,
                                 const PodTemplateSpec& pod_template, ErrorList& errors) {
  FieldPath path("spec");
  FieldPath selector_path = path.Child("selector");
  if (!present) {
    errors.Required(selector_path);
  } else {
    ValidateLabelSelector(selector, selector_path, errors);
    if (selector.matchlabels().empty() && selector.matchexpressions_size() == 0) {
      errors.Invalid(selector_path, GoSelector(selector),
                     "empty selector is invalid for deployment");
    }
  }
  auto parsed = api::Selector::FromLabelSelector(selector);
  if (parsed.ok()) {
    ValidateReplicasTemplate(pod_template, *parsed, "ReplicaSet", path.Child("template"), errors);
  } else {
    errors.Invalid(selector_path, GoSelector(selector), "invalid label selector");
  }
}

void ValidateSelectorUnchanged(const LabelSelector& selector, const LabelSelector& old,
                               ErrorList& errors) {
  if (SemanticEqual(selector, old)) return;
  errors.Invalid(FieldPath("spec").Child("selector"), GoSelector(selector), kFieldIsImmutable);
}

ErrorList ValidateDeployment(const Deployment& deployment) {
  const auto& spec = deployment.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("replicas"), spec.replicas());
  ValidateSelectorAndTemplate(spec.has_selector(), spec.selector(), spec.template_(), errors);
  ValidateStrategy(spec.strategy(), path.Child("strategy"), errors);
  CheckNonNegative(errors, path.Child("minReadySeconds"), spec.minreadyseconds());
  CheckNonNegative(errors, path.Child("revisionHistoryLimit"), spec.revisionhistorylimit());
  if (spec.has_progressdeadlineseconds()) {
    FieldPath deadline = path.Child("progressDeadlineSeconds");
    CheckNonNegative(errors, deadline, spec.progressdeadlineseconds());
    if (spec.progressdeadlineseconds() <= spec.minreadyseconds()) {
      errors.Invalid(deadline, spec.progressdeadlineseconds(),
                     "must be greater than minReadySeconds");
    }
  }
  return errors;
}

ErrorList ValidateDeploymentStatus(const Deployment& deployment, const Deployment& old) {
  const auto& status = deployment.status();
  FieldPath path("status");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("observedGeneration"), status.observedgeneration());
  CheckNonNegative(errors, path.Child("replicas"), status.replicas());
  CheckNonNegative(errors, path.Child("updatedReplicas"), status.updatedreplicas());
  CheckNonNegative(errors, path.Child("readyReplicas"), status.readyreplicas());
  CheckNonNegative(errors, path.Child("availableReplicas"), status.availablereplicas());
  CheckNonNegative(errors, path.Child("unavailableReplicas"), status.unavailablereplicas());
  CheckNonNegative(errors, path.Child("collisionCount"), status.collisioncount());
  CheckPartOfReplicas(errors, "updatedReplicas", status.updatedreplicas(), status.replicas());
  CheckReadyAndAvailable(errors, status.replicas(), status.readyreplicas(),
                         status.availablereplicas());
  if (status.collisioncount() < old.status().collisioncount()) {
    errors.Invalid(path.Child("collisionCount"), status.collisioncount(), "cannot be decremented");
  }
  return errors;
}

ErrorList ValidateReplicaSet(const ReplicaSet& replica_set) {
  const auto& spec = replica_set.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("replicas"), spec.replicas());
  CheckNonNegative(errors, path.Child("minReadySeconds"), spec.minreadyseconds());
  ValidateSelectorAndTemplate(spec.has_selector(), spec.selector(), spec.template_(), errors);
  return errors;
}

}  // namespace wherry::apiserver::registry::apps
