#include "controllers/volumeprotection/claim_use.h"

#include "controllers/objects/pod_state.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::volumeprotection {

bool Uses(const corev1::Pod& pod, const corev1::PersistentVolumeClaim& claim) {
  if (pod.spec().nodename().empty()) return false;
  const auto& metadata = pod.metadata();
  const bool shut_down = IsBeingDeleted(metadata) && metadata.has_deletiongraceperiodseconds() &&
                         metadata.deletiongraceperiodseconds() == 0;
  const auto* owner = api::ControllerOf(claim.metadata());
  const bool is_its_own = owner != nullptr && owner->uid() == metadata.uid();
  for (const auto& volume : pod.spec().volumes()) {
    const auto& source = volume.volumesource();
    if (source.persistentvolumeclaim().claimname() == claim.metadata().name()) return true;
    const bool generic =
        source.has_ephemeral() && metadata.name() + "-" + volume.name() == claim.metadata().name();
    if (generic && is_its_own && !shut_down) return true;
  }
  return false;
}

}  // namespace wherry::controllers::volumeprotection
