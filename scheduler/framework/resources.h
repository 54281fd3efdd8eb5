#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace wherry::api::core::v1 {
class Node;
class Pod;
}  // namespace wherry::api::core::v1

namespace wherry::scheduler::framework {

// Amounts of what pods ask for and nodes have. cpu in thousandths of a core, the rest in units
// (bytes).
struct Resources {
  int64_t cpu_milli = 0;
  int64_t memory_bytes = 0;
  int64_t ephemeral_storage_bytes = 0;
  std::map<std::string, int64_t, std::less<>> extended;  // "example.com/gpu", "hugepages-2Mi"

  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);
  // The larger of both, per resource.
  void RaiseTo(const Resources& other);
};

// What scheduling reserves for a pod: the sum over its containers, or what its init containers need
// one by one when that is more, plus overhead. Source: KEP-753 (restartable init containers run on
// beside the rest).
Resources PodRequest(const api::core::v1::Pod& pod);

// The same with 100m and 200 MiB for each container that asks for nothing, so that scores do not
// see such pods as free. Only cpu and memory are filled in. Source:
// pkg/scheduler/util/pod_resources.go.
Resources PodRequestForScoring(const api::core::v1::Pod& pod);

struct NodeAllocatable {
  Resources resources;
  int64_t pods = 0;
};
NodeAllocatable AllocatableOf(const api::core::v1::Node& node);

}  // namespace wherry::scheduler::framework
