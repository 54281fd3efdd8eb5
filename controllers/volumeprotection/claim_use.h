#pragma once

#include "controllers/objects/types.h"

namespace wherry::api::core::v1 {
class PersistentVolumeClaim;
}

namespace wherry::controllers::volumeprotection {

// Whether the pod keeps the claim of its namespace: it is bound to a node and mounts the claim. A
// claim made for one of the pod's generic volumes is free as soon as the node is done with the pod.
// Source: upstream pkg/controller/volume/pvcprotection (podUsesPVC). Pure.
bool Uses(const corev1::Pod& pod, const corev1::PersistentVolumeClaim& claim);

}  // namespace wherry::controllers::volumeprotection
