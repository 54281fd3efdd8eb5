#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::api::core::v1 {
class Container;
class Pod;
class ResourceFieldSelector;
}  // namespace wherry::api::core::v1

// What a pod's containers may learn about their pod, as variables and as files. Pure, any thread.
namespace wherry::nodeagent::volumes {

// Known to the node, not yet to the API object.
struct DownwardContext {
  std::string host_ip;
  std::vector<std::string> pod_ips;  // primary first
  // What the node has to give: the limit of a container that has none. cpu in thousandths.
  std::map<std::string, int64_t> allocatable;
  // Of all the pod's containers together; 0: they have none. Bounds what is kept in memory.
  int64_t memory_limit_bytes = 0;
};

// The value of a fieldRef such as "metadata.labels['app']", "metadata.annotations", "status.podIP".
// Errors: kInvalid for an unsupported path. Source: pkg/fieldpath and kubelet
// podFieldSelectorRuntimeValue.
Result<std::string> FieldRefValue(const api::core::v1::Pod& pod, const DownwardContext& context,
                                  std::string_view path);

// The value of a resourceFieldRef ("limits.cpu", divisor "1m") for `container`, rounded up.
// Errors: kInvalid for an unsupported resource. Source: pkg/api/v1/resource
// ExtractContainerResourceValue.
Result<std::string> ResourceFieldRefValue(const api::core::v1::ResourceFieldSelector& selector,
                                          const api::core::v1::Container& container,
                                          const DownwardContext& context);

}  // namespace wherry::nodeagent::volumes
