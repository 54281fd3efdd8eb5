#pragma once

#include "apiserver/registry/resource.h"
#include "lib/json/json.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::apiserver::openapi {

enum class Dialect { kV2, kV3 };

// The schemas of `kinds` and of everything they refer to, by definition name
// ("io.k8s.api.core.v1.Pod").
json::Value Definitions(const std::vector<const api::KindInfo*>& kinds, Dialect dialect);

// The paths at which `resources` are served: enough of each operation for clients that look up a
// kind by its path, or whether a parameter is supported.
json::Value Paths(const std::vector<const registry::Resource*>& resources, Dialect dialect);

// "/api/v1" or "/apis/apps/v1".
std::string RootPath(const api::KindInfo& kind);

}  // namespace wherry::apiserver::openapi
