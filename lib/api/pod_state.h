#pragma once

#include <string_view>

namespace wherry::api::core::v1 {
class Pod;
class PodCondition;
}  // namespace wherry::api::core::v1

// What a Pod's status says. Source: upstream pkg/api/v1/pod.
namespace wherry::api {

// The condition of that type, null when absent.
const core::v1::PodCondition* FindPodCondition(const core::v1::Pod& pod, std::string_view type);
bool IsPodReady(const core::v1::Pod& pod);
// Succeeded or Failed: it runs no more.
bool IsPodTerminal(const core::v1::Pod& pod);

}  // namespace wherry::api
