#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::core::v1 {
class ReplicationController;
}

// Source: pkg/apis/core/validation ValidateReplicationController.
namespace wherry::apiserver::registry::core {

ErrorList ValidateReplicationController(const api::core::v1::ReplicationController& controller);

}  // namespace wherry::apiserver::registry::core
