#include "controllers/deployment/status.h"

#include "controllers/deployment/names.h"
#include "controllers/deployment/sizing.h"
#include "controllers/objects/conditions.h"
#include "lib/api/time.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <limits>

namespace wherry::controllers::deployment {
namespace {

appsv1::DeploymentCondition MakeCondition(std::string_view type, std::string_view status,
                                          std::string_view reason, std::string message,
                                          WallTime now) {
  appsv1::DeploymentCondition condition;
  condition.set_type(std::string(type));
  condition.set_status(std::string(status));
  condition.set_reason(std::string(reason));
  condition.set_message(std::move(message));
  api::SetTime(condition.mutable_lastupdatetime(), now);
  api::SetTime(condition.mutable_lasttransitiontime(), now);
  return condition;
}

// `ReplicaSet "web-5d9c" is progressing.`, or the deployment when there is no set.
std::string Say(const appsv1::Deployment& deployment, const Draft& new_set, std::string_view what) {
  std::string text = new_set ? "ReplicaSet \"" + new_set->metadata().name()
                             : "Deployment \"" + deployment.metadata().name();
  return text.append("\" ").append(what).append(".");
}

// More updated, ready or available replicas than before, or fewer old ones.
bool MadeProgress(const appsv1::DeploymentStatus& before, const appsv1::DeploymentStatus& after) {
  return after.updatedreplicas() > before.updatedreplicas() ||
         after.replicas() - after.updatedreplicas() <
             before.replicas() - before.updatedreplicas() ||
         after.readyreplicas() > before.readyreplicas() ||
         after.availablereplicas() > before.availablereplicas();
}

bool TimedOut(const appsv1::Deployment& deployment, const appsv1::DeploymentCondition* progressing,
              WallTime now) {
  if (progressing == nullptr || progressing->reason() == kNewReplicaSetAvailable) return false;
  if (progressing->reason() == kProgressDeadlineExceeded) return true;
  const auto deadline = std::chrono::seconds(deployment.spec().progressdeadlineseconds());
  return api::ToWallClock(progressing->lastupdatetime()) + deadline < now;
}

// The ReplicaFailure condition of the new set, else of any other.
const appsv1::ReplicaSetCondition* FindReplicaFailure(const Drafts& all, const Draft& new_set) {
  Drafts order = all;
  if (new_set) order.insert(order.begin(), new_set);
  for (const auto& set : order) {
    const auto& conditions = set->status().conditions();
    if (const auto* failure = FindCondition(&conditions, kReplicaFailure)) return failure;
  }
  return nullptr;
}

}  // namespace

bool HasProgressDeadline(const appsv1::Deployment& deployment) {
  return deployment.spec().has_progressdeadlineseconds() &&
         deployment.spec().progressdeadlineseconds() != std::numeric_limits<int32_t>::max();
}

bool IsComplete(const appsv1::Deployment& deployment, const appsv1::DeploymentStatus& status) {
  const int32_t wanted = deployment.spec().replicas();
  return status.updatedreplicas() == wanted && status.replicas() == wanted &&
         status.availablereplicas() == wanted &&
         status.observedgeneration() >= deployment.metadata().generation();
}

void SetDeploymentCondition(appsv1::DeploymentStatus* status, std::string_view type,
                            std::string_view condition_status, std::string_view reason,
                            std::string message, WallTime now) {
  SetCondition(status->mutable_conditions(),
               MakeCondition(type, condition_status, reason, std::move(message), now));
}

appsv1::DeploymentStatus CalculateStatus(const appsv1::Deployment& deployment, const Drafts& all,
                                         const Draft& new_set, WallTime now) {
  int32_t actual = 0;
  int32_t ready = 0;
  for (const auto& set : all) {
    actual += set->status().replicas();
    ready += set->status().readyreplicas();
  }
  const int32_t available = AvailableReplicas(all);

  appsv1::DeploymentStatus status;
  status.set_observedgeneration(deployment.metadata().generation());
  status.set_replicas(actual);
  status.set_updatedreplicas(new_set ? new_set->status().replicas() : 0);
  status.set_readyreplicas(ready);
  status.set_availablereplicas(available);
  status.set_unavailablereplicas(std::max(0, SpecReplicas(all) - available));
  if (deployment.status().has_collisioncount())
    status.set_collisioncount(deployment.status().collisioncount());
  *status.mutable_conditions() = deployment.status().conditions();

  const int32_t min_available =
      deployment.spec().replicas() - ResolveFenceposts(deployment).unavailable;
  if (available >= min_available) {
    SetDeploymentCondition(&status, kAvailable, "True", kMinimumReplicasAvailable,
                           "Deployment has minimum availability.", now);
  } else {
    SetDeploymentCondition(&status, kAvailable, "False", kMinimumReplicasUnavailable,
                           "Deployment does not have minimum availability.", now);
  }
  return status;
}

void EstimateProgress(const appsv1::Deployment& deployment, const Drafts& all, const Draft& new_set,
                      WallTime now, appsv1::DeploymentStatus* status) {
  const auto* before = FindCondition(&deployment.status().conditions(), kProgressing);
  if (!HasProgressDeadline(deployment)) RemoveCondition(status->mutable_conditions(), kProgressing);

  const bool was_complete = status->replicas() == status->updatedreplicas() && before != nullptr &&
                            before->reason() == kNewReplicaSetAvailable;
  if (HasProgressDeadline(deployment) && !was_complete) {
    if (IsComplete(deployment, *status)) {
      SetDeploymentCondition(status, kProgressing, "True", kNewReplicaSetAvailable,
                             Say(deployment, new_set, "has successfully progressed"), now);
    } else if (MadeProgress(deployment.status(), *status)) {
      // Unlike the other conditions, lastUpdateTime moves although the reason may be the same: it
      // is what the deadline counts from.
      auto condition = MakeCondition(kProgressing, "True", kReplicaSetUpdated,
                                     Say(deployment, new_set, "is progressing"), now);
      if (before != nullptr && before->status() == "True")
        *condition.mutable_lasttransitiontime() = before->lasttransitiontime();
      RemoveCondition(status->mutable_conditions(), kProgressing);
      *status->add_conditions() = std::move(condition);
    } else if (TimedOut(deployment, FindCondition(&status->conditions(), kProgressing), now)) {
      SetDeploymentCondition(status, kProgressing, "False", kProgressDeadlineExceeded,
                             Say(deployment, new_set, "has timed out progressing"), now);
    }
  }

  if (const auto* failure = FindReplicaFailure(all, new_set)) {
    auto condition =
        MakeCondition(kReplicaFailure, failure->status(), failure->reason(), failure->message(),
                      api::ToWallClock(failure->lasttransitiontime()));
    SetCondition(status->mutable_conditions(), std::move(condition));
  } else {
    RemoveCondition(status->mutable_conditions(), kReplicaFailure);
  }
}

std::optional<std::chrono::nanoseconds> UntilProgressDeadline(
    const appsv1::Deployment& deployment, const appsv1::DeploymentStatus& status, WallTime now) {
  const auto* progressing = FindCondition(&status.conditions(), kProgressing);
  if (!HasProgressDeadline(deployment) || progressing == nullptr || deployment.spec().paused() ||
      IsComplete(deployment, status) || progressing->reason() == kProgressDeadlineExceeded)
    return std::nullopt;
  const auto deadline = std::chrono::seconds(deployment.spec().progressdeadlineseconds());
  const auto left = api::ToWallClock(progressing->lastupdatetime()) + deadline - now;
  // A second more, for API times are cut to whole seconds.
  return std::max<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0)) +
         std::chrono::seconds(1);
}

}  // namespace wherry::controllers::deployment
