#pragma once

#include "controllers/deployment/replica_sets.h"
#include "controllers/objects/types.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// A deployment's status: counts, and the Available, Progressing and ReplicaFailure conditions.
// Source: upstream pkg/controller/deployment/{sync,progress}.go; API docs, "Deployment status".
namespace wherry::controllers::deployment {

// progressDeadlineSeconds is set and not the "never" value.
bool HasProgressDeadline(const appsv1::Deployment& deployment);
// All replicas are updated and available, no old one is left, and the spec has been seen.
bool IsComplete(const appsv1::Deployment& deployment, const appsv1::DeploymentStatus& status);

// Sets a condition as upstream does: nothing happens when status and reason are unchanged.
void SetDeploymentCondition(appsv1::DeploymentStatus* status, std::string_view type,
                            std::string_view condition_status, std::string_view reason,
                            std::string message, WallTime now);

// Counts and Available; the conditions of `deployment` carried over. `all` includes the new set.
appsv1::DeploymentStatus CalculateStatus(const appsv1::Deployment& deployment, const Drafts& all,
                                         const Draft& new_set, WallTime now);
// Adds what a rollout says: Progressing and ReplicaFailure. `status` comes from CalculateStatus,
// `deployment` holds the status before.
void EstimateProgress(const appsv1::Deployment& deployment, const Drafts& all, const Draft& new_set,
                      WallTime now, appsv1::DeploymentStatus* status);
// When the progress deadline of an unfinished rollout passes, seen from `now`.
std::optional<std::chrono::nanoseconds> UntilProgressDeadline(
    const appsv1::Deployment& deployment, const appsv1::DeploymentStatus& status, WallTime now);

}  // namespace wherry::controllers::deployment
