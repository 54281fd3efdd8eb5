#include "apiserver/registry/core/replication_controller_validation.h"

#include "apiserver/registry/core/replicas_validation.h"
#include "lib/api/labels.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry::core {

using api::core::v1::ReplicationController;
ErrorList ValidateReplicationController(const ReplicationController& controller) {
  const auto& spec = controller.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckNonNegative(errors, path.Child("minReadySeconds"), spec.minreadyseconds());
  if (spec.selector().empty()) errors.Required(path.Child("selector"));
  CheckNonNegative(errors, path.Child("replicas"), spec.replicas());
  if (!spec.has_template_()) {
    errors.Required(path.Child("template"));
    return errors;
  }
  const auto selector =
      api::Selector::FromMap(api::LabelMap(spec.selector().begin(), spec.selector().end()));
  ValidateReplicasTemplate(spec.template_(), selector, "ReplicationController",
                           path.Child("template"), errors);
  return errors;
}

}  // namespace wherry::apiserver::registry::core
