#pragma once

#include "apiserver/endpoints/endpoint.h"

namespace wherry::apiserver::endpoints {

// The rules for updating a part of an object in place ("status", "finalize"); the resource's own
// for "", null when there is no such part.
const registry::UpdateStrategy* StrategyOf(const Resource& resource, std::string_view subresource);

}  // namespace wherry::apiserver::endpoints
