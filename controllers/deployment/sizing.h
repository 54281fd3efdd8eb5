#pragma once

#include "controllers/objects/types.h"

#include <cstdint>
#include <span>

// How many pods a rolling update may add, miss, and give to each ReplicaSet.
// Source: upstream pkg/controller/deployment/util (ResolveFenceposts, GetProportion,
// NewRSNewReplicas); KEP-less, documented under "Proportional scaling" and "Rolling update".
namespace wherry::controllers::deployment {

struct Fenceposts {
  int32_t surge = 0;        // pods allowed above spec.replicas
  int32_t unavailable = 0;  // pods allowed to be missing
};

// Percentages of spec.replicas: surge rounds up, unavailable rounds down; both zero makes
// unavailable one, so that a rollout can move. Nothing may surge or miss unless the strategy is
// RollingUpdate.
Fenceposts ResolveFenceposts(const appsv1::Deployment& deployment);

// What the deployment's replica sets may sum up to: spec.replicas plus surge.
int32_t MaxTotalReplicas(const appsv1::Deployment& deployment);

// The size the newest replica set should have now, when all sets together have `current_total`.
int32_t NewReplicaSetSize(const appsv1::Deployment& deployment, int32_t current_total,
                          int32_t new_size);

// This replica set's share of `to_add` (negative: of the removal), of which `added` is given away.
int32_t Proportion(const appsv1::Deployment& deployment, const appsv1::ReplicaSet& replica_set,
                   int32_t to_add, int32_t added);

}  // namespace wherry::controllers::deployment
