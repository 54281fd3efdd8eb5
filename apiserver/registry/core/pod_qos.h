#pragma once

#include <string_view>

namespace wherry::api::core::v1 {
class Pod;
}

namespace wherry::apiserver::registry {

// "Guaranteed", "Burstable" or "BestEffort", from the cpu and memory of all containers.
// Source: pkg/apis/core/helper/qos.
std::string_view ComputePodQOS(const api::core::v1::Pod& pod);

}  // namespace wherry::apiserver::registry
