#include "controllers/deployment/reconcile.h"

#include "controllers/deployment/names.h"
#include "controllers/deployment/planner.h"
#include "controllers/deployment/status.h"
#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_state.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>

// One round, as upstream's syncDeployment decides it. Each strategy makes at most one kind of step
// per round (grow the new set, or shrink old ones): the replica sets' answers start the next round.
namespace wherry::controllers::deployment {
namespace {

// Any pod of an old set that may still run.
bool OldPodsRunning(const State& state, const Draft& new_set) {
  return std::any_of(state.pods.begin(), state.pods.end(), [&](const PodPtr& pod) {
    if (IsPodTerminal(*pod)) return false;
    for (const auto& owner : pod->metadata().ownerreferences()) {
      if (new_set && owner.controller() && owner.uid() == new_set->metadata().uid()) return false;
    }
    return true;
  });
}

int32_t ActualReplicas(const Drafts& sets) {
  int32_t total = 0;
  for (const auto& set : sets) total += set->status().replicas();
  return total;
}

// Its status was written in knowledge of its spec. Before that, it may count pods that go.
bool HasSettled(const Draft& set) {
  return set->status().observedgeneration() >= set->metadata().generation();
}

// Shrinks old sets as far as availability allows; unhealthy replicas first, they cost nothing.
bool ShrinkOldSets(Planner& plan) {
  Drafts old_sets = Active(plan.old_sets());
  if (old_sets.empty()) return false;
  const Drafts all = plan.all_sets();
  if (!std::all_of(all.begin(), all.end(), HasSettled)) return false;
  const int32_t min_available = plan.MinAvailable();
  const auto& new_set = *plan.new_set();
  const int32_t new_unavailable = new_set.spec().replicas() - new_set.status().availablereplicas();
  int32_t cleanup_left = SpecReplicas(plan.all_sets()) - min_available - new_unavailable;
  if (cleanup_left <= 0) return false;

  SortOldestFirst(old_sets);
  bool shrunk = false;
  for (const auto& set : old_sets) {
    const int32_t unhealthy = set->spec().replicas() - set->status().availablereplicas();
    const int32_t remove = std::min(cleanup_left, unhealthy);
    if (remove <= 0) continue;
    shrunk |= plan.Scale(set, set->spec().replicas() - remove);
    cleanup_left -= remove;
  }
  // A status that is behind still counts pods that the last round gave up.
  int32_t removable = LastingReplicas(plan.all_sets()) - min_available;
  for (const auto& set : old_sets) {
    const int32_t remove = std::min(removable, set->spec().replicas());
    if (remove <= 0) continue;
    shrunk |= plan.Scale(set, set->spec().replicas() - remove);
    removable -= remove;
  }
  return shrunk;
}

void RolloutRolling(Planner& plan) {
  plan.SyncRevision(/*create=*/true);
  const auto& new_set = plan.new_set();
  const int32_t wanted = plan.deployment().spec().replicas();
  if (new_set->spec().replicas() != wanted) {
    const int32_t size = new_set->spec().replicas() > wanted ? wanted : plan.NewSetSize();
    if (plan.Scale(new_set, size)) return plan.FinishRollout();
  }
  if (ShrinkOldSets(plan)) return plan.FinishRollout();
  if (IsComplete(plan.deployment(), plan.deployment().status())) plan.CleanUpHistory();
  plan.FinishRollout();
}

void RolloutRecreate(Planner& plan, const State& state) {
  plan.SyncRevision(/*create=*/false);
  bool shrunk = false;
  for (const auto& set : Active(plan.old_sets())) shrunk |= plan.Scale(set, 0);
  if (shrunk || ActualReplicas(plan.old_sets()) > 0 || OldPodsRunning(state, plan.new_set()))
    return plan.FinishRollout();
  plan.SyncRevision(/*create=*/true);
  plan.Scale(plan.new_set(), plan.deployment().spec().replicas());
  if (IsComplete(plan.deployment(), plan.deployment().status())) plan.CleanUpHistory();
  plan.FinishRollout();
}

// Paused, or spec.replicas changed: sizes only, no rollout.
void ScaleOnly(Planner& plan) {
  plan.SyncRevision(/*create=*/false);
  plan.ScaleProportionally();
  if (plan.deployment().spec().paused()) plan.CleanUpHistory();
  plan.FinishScaling();
}

bool IsScalingEvent(const Planner& plan) {
  const Drafts active = Active(plan.all_sets());
  return std::any_of(active.begin(), active.end(), [&](const Draft& set) {
    const auto desired = IntAnnotation(set->metadata(), kDesiredReplicas);
    return desired && *desired != plan.deployment().spec().replicas();
  });
}

void NotePause(Planner& plan, WallTime now) {
  auto* deployment = plan.mutable_deployment();
  if (!HasProgressDeadline(*deployment)) return;
  const auto* progressing = FindCondition(&deployment->status().conditions(), kProgressing);
  if (progressing != nullptr && progressing->reason() == kProgressDeadlineExceeded) return;
  const bool noted = progressing != nullptr && progressing->reason() == kDeploymentPaused;
  if (deployment->spec().paused() && !noted) {
    SetDeploymentCondition(deployment->mutable_status(), kProgressing, "Unknown", kDeploymentPaused,
                           "Deployment is paused", now);
  } else if (!deployment->spec().paused() && noted) {
    SetDeploymentCondition(deployment->mutable_status(), kProgressing, "Unknown",
                           kDeploymentResumed, "Deployment is resumed", now);
  }
}

// The rollback that apps/v1beta1 clients ask for by annotation: the template of an old revision
// becomes the deployment's.
void Rollback(Planner& plan, int64_t to) {
  plan.SyncRevision(/*create=*/false);
  auto* deployment = plan.mutable_deployment();
  const Drafts all = plan.all_sets();
  const bool asked_for_last = to == 0;
  if (asked_for_last) to = LastRevision(all);
  const auto target = std::find_if(
      all.begin(), all.end(), [&](const Draft& set) { return to != 0 && Revision(*set) == to; });
  if (target == all.end()) {
    plan.AddEvent("Warning", kRollbackRevisionNotFound,
                  asked_for_last ? "Unable to find last revision."
                                 : "Unable to find the revision to rollback to.");
  } else if (SameTemplate(deployment->spec().template_(), (*target)->spec().template_())) {
    plan.AddEvent("Warning", kRollbackTemplateUnchanged,
                  "The rollback revision contains the same template as current deployment \"" +
                      deployment->metadata().name() + "\"");
  } else {
    auto* pod_template = deployment->mutable_spec()->mutable_template_();
    *pod_template = (*target)->spec().template_();
    pod_template->mutable_metadata()->mutable_labels()->erase(kPodTemplateHash);
    SetDeploymentAnnotationsTo(**target, deployment);
    plan.AddEvent("Normal", kRollbackDone,
                  "Rolled back deployment \"" + deployment->metadata().name() + "\" to revision " +
                      std::to_string(to));
  }
  plan.FinishRollback();
}

}  // namespace

Actions Reconcile(const State& state) {
  Planner plan(state);
  const auto& deployment = plan.deployment();
  const auto& selector = deployment.spec().selector();
  if (selector.matchlabels().empty() && selector.matchexpressions().empty()) {
    plan.AddEvent("Warning", "SelectingAll",
                  "This deployment is selecting all pods. A non-empty selector is required.");
    plan.FinishObserved();
    return plan.Take();
  }
  if (IsBeingDeleted(deployment.metadata())) {
    plan.SyncRevision(/*create=*/false);
    plan.FinishScaling();
    return plan.Take();
  }
  NotePause(plan, state.now);
  if (deployment.spec().paused()) {
    ScaleOnly(plan);
  } else if (const auto to = IntAnnotation(deployment.metadata(), kRollbackTo)) {
    Rollback(plan, *to);
  } else if (IsScalingEvent(plan)) {
    ScaleOnly(plan);
  } else if (deployment.spec().strategy().type() == "Recreate") {
    RolloutRecreate(plan, state);
  } else {
    RolloutRolling(plan);
  }
  return plan.Take();
}

std::shared_ptr<appsv1::Deployment> WithCreateError(const appsv1::Deployment& deployment,
                                                    const std::string& message, WallTime now) {
  if (!HasProgressDeadline(deployment)) return nullptr;
  auto copy = std::make_shared<appsv1::Deployment>(deployment);
  SetDeploymentCondition(copy->mutable_status(), kProgressing, "False", kReplicaSetCreateError,
                         message, now);
  return copy;
}

std::shared_ptr<appsv1::Deployment> WithCollision(const appsv1::Deployment& deployment) {
  auto copy = std::make_shared<appsv1::Deployment>(deployment);
  copy->mutable_status()->set_collisioncount(deployment.status().collisioncount() + 1);
  return copy;
}

}  // namespace wherry::controllers::deployment
