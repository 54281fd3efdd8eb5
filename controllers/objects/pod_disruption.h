#pragma once

#include "controllers/objects/types.h"
#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <string>

namespace wherry::controllers {

struct Disruption {
  std::string reason;  // of the condition DisruptionTarget: "DeletionByPodGC"
  std::string message;
  bool mark_failed = false;  // nobody else is left to say that the pod is over, if it is not
  bool force = false;        // no grace period: nobody is left to wait for
};

// Says in the pod's status why it goes, and deletes it. A pod that is gone already is fine.
Task<Status> DisruptPod(World& world, client::ApiClient& client, PodPtr pod, Disruption why);
// Sets one condition of the pod's status.
Task<Status> PatchPodCondition(World& world, client::ApiClient& client, PodPtr pod,
                               std::string type, std::string status, Disruption why);

}  // namespace wherry::controllers
