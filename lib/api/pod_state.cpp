#include "lib/api/pod_state.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::api {

const core::v1::PodCondition* FindPodCondition(const core::v1::Pod& pod, std::string_view type) {
  for (const auto& condition : pod.status().conditions()) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

bool IsPodReady(const core::v1::Pod& pod) {
  const auto* ready = FindPodCondition(pod, "Ready");
  return ready != nullptr && ready->status() == "True";
}

bool IsPodTerminal(const core::v1::Pod& pod) {
  const std::string& phase = pod.status().phase();
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace wherry::api
