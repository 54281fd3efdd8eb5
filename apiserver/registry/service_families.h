#pragma once

#include "lib/base/result.h"

namespace wherry::api::core::v1 {
class Service;
}

namespace wherry::apiserver::registry {

// Fills ipFamilies and ipFamilyPolicy of a Service that is written. There are IPv4 addresses only;
// a headless Service without a selector, whose endpoints somebody else writes, may name any family.
// `old` is null for one that is created; an update that leaves the policy out keeps the old one.
// Errors: kInvalid. Source: pkg/registry/core/service/storage/alloc.go.
Status CompleteServiceFamilies(api::core::v1::Service& service, const api::core::v1::Service* old);

}  // namespace wherry::apiserver::registry
