#pragma once

#include "apiserver/registry/resource.h"
namespace wherry::api::apidiscovery::v2beta1 {
class APIGroupDiscoveryList;
}
namespace wherry::api::meta::v1 {
class APIGroup;
class APIGroupList;
class APIResourceList;
class APIVersions;
}  // namespace wherry::api::meta::v1

#include <string>

namespace wherry::apiserver::discovery {

api::meta::v1::APIVersions CoreVersions(const std::string& server_address);
api::meta::v1::APIGroupList Groups(const registry::Resources& resources);
// Empty name when there is no such group.
api::meta::v1::APIGroup GroupNamed(const registry::Resources& resources, std::string_view group);
// Without resources when there is no such version.
api::meta::v1::APIResourceList ResourceList(const registry::Resources& resources,
                                            std::string_view group, std::string_view version);
// The core group alone, or all others.
api::apidiscovery::v2beta1::APIGroupDiscoveryList AggregatedGroups(
    const registry::Resources& resources, bool core);

}  // namespace wherry::apiserver::discovery
