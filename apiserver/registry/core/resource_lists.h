#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
}
namespace wherry::api::meta::v1 {
class Quantity;
}

namespace wherry::apiserver::registry {

// limits, requests, capacity: quantities by resource name.
using ResourceList = google::protobuf::Map<std::string, api::meta::v1::Quantity>;

// The API keeps no digits below thousandths: they are rounded up.
// Source: SetDefaults_ResourceList.
void RoundUpToMilli(ResourceList& list);

// "hugepages-2Mi". Source: pkg/apis/core/v1/helper.
bool IsHugePageResource(std::string_view name);
// Resources of Kubernetes itself: without '/' or below kubernetes.io.
bool IsNativeResource(std::string_view name);
// Resources of vendors: with a domain, not of Kubernetes, not a quota's "requests." name.
bool IsExtendedResource(std::string_view name);

}  // namespace wherry::apiserver::registry
