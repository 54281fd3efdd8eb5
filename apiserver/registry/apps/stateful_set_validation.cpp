#include "apiserver/registry/apps/workload_validation.h"
#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/replicas_validation.h"
#include "apiserver/registry/core/selector_validation.h"
#include "lib/api/codec.h"
#include "lib/api/labels.h"
#include "proto/api/apps/v1.pb.h"

// Source: ValidateStatefulSet and ValidateStatefulSetStatus in pkg/apis/apps/validation.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::StatefulSet;
using api::apps::v1::StatefulSetSpec;
using api::field::BadValue;

namespace {

constexpr std::string_view kRetentions[] = {"Retain", "Delete"};
constexpr std::string_view kOnlyAlways[] = {"Always"};

void ValidateUpdateStrategy(const StatefulSetSpec& spec, const FieldPath& path, ErrorList& errors) {
  const auto& strategy = spec.updatestrategy();
  FieldPath rolling = path.Child("rollingUpdate");
  if (strategy.type().empty()) {
    errors.Required(path);
  } else if (strategy.type() == "OnDelete") {
    if (strategy.has_rollingupdate()) {
      errors.Invalid(rolling, BadValue::Raw(api::ToJson(strategy.rollingupdate())),
                     "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (strategy.type() == "RollingUpdate") {
    CheckNonNegative(errors, rolling.Child("partition"), strategy.rollingupdate().partition());
  } else {
    errors.Invalid(path, BadValue::Raw(api::ToJson(strategy)),
                   "must be 'RollingUpdate' or 'OnDelete'");
  }
}

// The volumes of its pods come from the claims, so that the template alone is no valid pod.
void ValidateTemplate(const StatefulSetSpec& spec, const FieldPath& path, ErrorList& errors) {
  const auto& labels = spec.template_().metadata().labels();
  auto selector = api::Selector::FromLabelSelector(spec.selector());
  if (!selector.ok()) {
    errors.Invalid(path.Child("selector"), GoSelector(spec.selector()), "");
  } else {
    bool empty =
        spec.selector().matchlabels().empty() && spec.selector().matchexpressions_size() == 0;
    if (!empty && !selector->Matches(api::LabelMap(labels.begin(), labels.end()))) {
      errors.Invalid(path.Child("template", "metadata").Child("labels"), GoMap(labels),
                     "`selector` does not match template `labels`");
    }
    ValidateLabelMap(labels, path.Child("template", "labels"), errors);
  }
  FieldPath pod = path.Child("template", "spec");
  const auto& pod_spec = spec.template_().spec();
  CheckOneOf(errors, pod.Child("restartPolicy"), pod_spec.restartpolicy(), kOnlyAlways);
  if (pod_spec.has_activedeadlineseconds()) {
    errors.Forbidden(pod.Child("activeDeadlineSeconds"),
                     "activeDeadlineSeconds in StatefulSet is not Supported");
  }
}

}  // namespace

ErrorList ValidateStatefulSet(const StatefulSet& set) {
  const auto& spec = set.spec();
  FieldPath path("spec");
  ErrorList errors;
  const std::string& management = spec.podmanagementpolicy();
  if (management.empty()) {
    errors.Required(path.Child("podManagementPolicy"));
  } else if (management != "OrderedReady" && management != "Parallel") {
    errors.Invalid(path.Child("podManagementPolicy"), management,
                   "must be 'OrderedReady' or 'Parallel'");
  }
  ValidateUpdateStrategy(spec, path.Child("updateStrategy"), errors);
  if (spec.has_persistentvolumeclaimretentionpolicy()) {
    const auto& retention = spec.persistentvolumeclaimretentionpolicy();
    FieldPath where = path.Child("persistentVolumeClaimRetentionPolicy");
    CheckOneOf(errors, where.Child("whenDeleted"), retention.whendeleted(), kRetentions);
    CheckOneOf(errors, where.Child("whenScaled"), retention.whenscaled(), kRetentions);
  }
  CheckNonNegative(errors, path.Child("replicas"), spec.replicas());
  CheckNonNegative(errors, path.Child("minReadySeconds"), spec.minreadyseconds());
  CheckNonNegative(errors, path.Child("ordinals.start"), spec.ordinals().start());
  FieldPath selector = path.Child("selector");
  if (!spec.has_selector()) {
    errors.Required(selector);
  } else {
    ValidateLabelSelector(spec.selector(), selector, errors);
    if (spec.selector().matchlabels().empty() && spec.selector().matchexpressions_size() == 0) {
      errors.Invalid(selector, GoSelector(spec.selector()),
                     "empty selector is invalid for statefulset");
    }
  }
  ValidateTemplate(spec, path, errors);
  return errors;
}

ErrorList ValidateStatefulSetStatus(const StatefulSet& set) {
  const auto& status = set.status();
  FieldPath path("status");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("replicas"), status.replicas());
  CheckNonNegative(errors, path.Child("readyReplicas"), status.readyreplicas());
  CheckNonNegative(errors, path.Child("currentReplicas"), status.currentreplicas());
  CheckNonNegative(errors, path.Child("updatedReplicas"), status.updatedreplicas());
  CheckNonNegative(errors, path.Child("availableReplicas"), status.availablereplicas());
  CheckNonNegative(errors, path.Child("observedGeneration"), status.observedgeneration());
  CheckNonNegative(errors, path.Child("collisionCount"), status.collisioncount());
  CheckPartOfReplicas(errors, "readyReplicas", status.readyreplicas(), status.replicas());
  CheckPartOfReplicas(errors, "currentReplicas", status.currentreplicas(), status.replicas());
  CheckPartOfReplicas(errors, "updatedReplicas", status.updatedreplicas(), status.replicas());
  CheckPartOfReplicas(errors, "availableReplicas", status.availablereplicas(), status.replicas());
  if (status.availablereplicas() > status.readyreplicas()) {
    errors.Invalid(path.Child("availableReplicas"), status.availablereplicas(),
                   "cannot be greater than status.readyReplicas");
  }
  return errors;
}

}  // namespace wherry::apiserver::registry::apps
