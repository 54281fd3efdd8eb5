#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::discovery::v1 {
class EndpointSlice;
}

namespace wherry::apiserver::registry::discovery {

// Source: pkg/apis/discovery/validation.
ErrorList ValidateEndpointSlice(const api::discovery::v1::EndpointSlice& slice);

}  // namespace wherry::apiserver::registry::discovery
