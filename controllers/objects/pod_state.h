#pragma once

#include "controllers/objects/types.h"
#include "lib/api/pod_state.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <optional>
#include <string_view>

// What a Pod's status says. Source: upstream pkg/api/v1/pod and pkg/controller/controller_utils.go.
namespace wherry::controllers {

using api::FindPodCondition;
using api::IsPodReady;
using api::IsPodTerminal;

// When it became ready; nullopt when it is not ready or does not say.
std::optional<WallTime> PodReadySince(const corev1::Pod& pod);
// Ready for at least `min_ready_seconds`.
bool IsPodAvailable(const corev1::Pod& pod, int32_t min_ready_seconds, WallTime now);
// When a ready pod that is not available yet will be; nullopt for all others.
std::optional<WallTime> PodAvailableAt(const corev1::Pod& pod, int32_t min_ready_seconds,
                                       WallTime now);
// Neither terminal nor being deleted: what a ReplicaSet counts.
bool IsPodActive(const corev1::Pod& pod);
bool IsBeingDeleted(const metav1::ObjectMeta& metadata);
// The most restarts of any container.
int32_t MaxContainerRestarts(const corev1::Pod& pod);

}  // namespace wherry::controllers
