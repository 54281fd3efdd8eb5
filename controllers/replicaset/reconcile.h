#pragma once

#include "controllers/objects/types.h"
#include "lib/base/error.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

// What the replica set controller decides, without waiting or writing.
// Source: upstream pkg/controller/replicaset.
namespace wherry::controllers::replicaset {

// At most this many pods are created or deleted in one round.
inline constexpr int32_t kBurstReplicas = 500;

struct State {
  const appsv1::ReplicaSet& replica_set;
  std::vector<PodPtr> pods;  // active and claimed
  // Those of all sets with the same owner, for spreading what stays; asked for only when some go
  // and some stay, for there may be many.
  std::function<std::vector<PodPtr>()> related;
  WallTime now;
};

struct Actions {
  int32_t create = 0;
  std::vector<PodPtr> remove;
};

Actions Reconcile(const State& state);

// The `count` pods that go first: not assigned, pending, not ready, cheap by the
// controller.kubernetes.io/pod-deletion-cost annotation, doubled up on a node, ready for a shorter
// time (in powers of two), restarted more, younger.
std::vector<PodPtr> PodsToDelete(std::vector<PodPtr> pods, const std::vector<PodPtr>& related,
                                 size_t count, WallTime now);

// The pod that `replica_set` creates, called `name`; `owner` is the stored object it belongs to.
std::shared_ptr<corev1::Pod> MakePod(const appsv1::ReplicaSet& replica_set,
                                     const google::protobuf::Message& owner, std::string name);
// What a generated name starts with: the set's name and '-', cut so that five characters fit.
std::string PodNamePrefix(const appsv1::ReplicaSet& replica_set);

// The status for these pods; `failure` is why pods could not be created or deleted this round.
appsv1::ReplicaSetStatus CalculateStatus(const State& state, const std::optional<Error>& failure);
// Whether the set must be written for `status`.
bool StatusDiffers(const appsv1::ReplicaSet& replica_set, const appsv1::ReplicaSetStatus& status);

}  // namespace wherry::controllers::replicaset
