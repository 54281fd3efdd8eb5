#include "controllers/objects/pod_state.h"

#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers {

std::optional<WallTime> PodReadySince(const corev1::Pod& pod) {
  const auto* ready = FindPodCondition(pod, "Ready");
  if (ready == nullptr || ready->status() != "True" || ready->lasttransitiontime().seconds() == 0)
    return std::nullopt;
  return api::ToWallClock(ready->lasttransitiontime());
}

bool IsPodAvailable(const corev1::Pod& pod, int32_t min_ready_seconds, WallTime now) {
  if (!IsPodReady(pod)) return false;
  if (min_ready_seconds == 0) return true;
  const auto since = PodReadySince(pod);
  return since && *since + std::chrono::seconds(min_ready_seconds) <= now;
}

std::optional<WallTime> PodAvailableAt(const corev1::Pod& pod, int32_t min_ready_seconds,
                                       WallTime now) {
  const auto since = PodReadySince(pod);
  if (!since || IsPodAvailable(pod, min_ready_seconds, now)) return std::nullopt;
  return *since + std::chrono::seconds(min_ready_seconds);
}

bool IsPodActive(const corev1::Pod& pod) {
  return !IsPodTerminal(pod) && !IsBeingDeleted(pod.metadata());
}

bool IsBeingDeleted(const metav1::ObjectMeta& metadata) { return metadata.has_deletiontimestamp(); }

int32_t MaxContainerRestarts(const corev1::Pod& pod) {
  int32_t restarts = 0;
  for (const auto& status : pod.status().containerstatuses())
    restarts = std::max(restarts, status.restartcount());
  return restarts;
}

}  // namespace wherry::controllers
