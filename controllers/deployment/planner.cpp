#include "controllers/deployment/planner.h"

#include "controllers/deployment/names.h"
#include "controllers/deployment/sizing.h"
#include "controllers/deployment/status.h"
#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/codec.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <limits>

namespace wherry::controllers::deployment {

Planner::Planner(const State& state)
    : state_(state), deployment_(std::make_shared<appsv1::Deployment>(state.deployment)) {
  Drafts sets;
  for (const auto& set : state.replica_sets)
    sets.push_back(std::make_shared<appsv1::ReplicaSet>(*set));
  new_set_ = FindNewReplicaSet(*deployment_, sets);
  for (const auto& set : sets) {
    if (set != new_set_) old_sets_.push_back(set);
  }
}

Drafts Planner::all_sets() const {
  Drafts all = old_sets_;
  if (new_set_) all.push_back(new_set_);
  return all;
}

void Planner::SyncRevision(bool create) {
  const int64_t revision = MaxRevision(old_sets_) + 1;
  std::string condition_reason;
  std::string condition_message;
  if (new_set_ && !actions_.create) {
    bool changed = SetNewReplicaSetAnnotations(*deployment_, revision, true, new_set_.get());
    if (new_set_->spec().minreadyseconds() != deployment_->spec().minreadyseconds()) {
      new_set_->mutable_spec()->set_minreadyseconds(deployment_->spec().minreadyseconds());
      changed = true;
    }
    if (changed) MarkChanged(new_set_, "");
    if (FindCondition(&deployment_->status().conditions(), kProgressing) == nullptr) {
      condition_reason = kFoundNewReplicaSet;
      condition_message = "Found new replica set \"" + new_set_->metadata().name() + "\"";
    }
  } else if (!new_set_ && create) {
    new_set_ = MakeNewReplicaSet(*deployment_, SpecReplicas(old_sets_), revision);
    const std::string& name = new_set_->metadata().name();
    const int32_t size = new_set_->spec().replicas();
    std::string event;
    if (size > 0) event = "Scaled up replica set " + name + " to " + std::to_string(size);
    actions_.create = Actions::Write{.replica_set = new_set_, .event = std::move(event)};
    condition_reason = kNewReplicaSetCreated;
    condition_message = "Created new replica set \"" + name + "\"";
  }
  if (!new_set_) return;
  (*deployment_->mutable_metadata()->mutable_annotations())[kRevision] =
      new_set_->metadata().annotations().at(kRevision);
  if (!condition_reason.empty() && HasProgressDeadline(*deployment_))
    SetDeploymentCondition(deployment_->mutable_status(), kProgressing, "True", condition_reason,
                           condition_message, state_.now);
}

bool Planner::Scale(const Draft& set, int32_t size) {
  if (set->spec().replicas() == size) return false;
  Resize(set, size, set->spec().replicas() < size ? "up" : "down");
  return true;
}

void Planner::Resize(const Draft& set, int32_t size, std::string_view direction) {
  const int32_t before = set->spec().replicas();
  const bool annotated = SetReplicasAnnotations(*deployment_, set.get());
  if (before == size) {
    if (annotated) MarkChanged(set, "");
    return;
  }
  set->mutable_spec()->set_replicas(size);
  // A second step in the same round tells of both.
  int32_t original = before;
  for (const auto& seen : state_.replica_sets) {
    if (seen->metadata().uid() == set->metadata().uid()) original = seen->spec().replicas();
  }
  std::string event = "Scaled " + std::string(direction) + " replica set " +
                      set->metadata().name() + " to " + std::to_string(size) + " from " +
                      std::to_string(original);
  MarkChanged(set, std::move(event));
}

void Planner::ScaleProportionally() {
  const int32_t wanted = deployment_->spec().replicas();
  if (const Draft only = FindActiveOrLatest(new_set_, old_sets_)) {
    Scale(only, wanted);
    return;
  }
  if (IsSaturated(*deployment_, new_set_)) {
    for (const auto& set : Active(old_sets_)) Scale(set, 0);
    return;
  }
  if (deployment_->spec().strategy().type() != "RollingUpdate") return;

  Drafts sets = Active(all_sets());
  if (sets.empty()) return;
  const int32_t allowed = wanted > 0 ? MaxTotalReplicas(*deployment_) : 0;
  const int32_t to_add = allowed - SpecReplicas(sets);
  if (to_add > 0) SortLargestThenNewest(sets);
  if (to_add < 0) SortLargestThenOldest(sets);
  std::vector<int32_t> sizes;
  int32_t added = 0;
  for (const auto& set : sets) {
    const int32_t share = Proportion(*deployment_, *set, to_add, added);
    sizes.push_back(set->spec().replicas() + share);
    added += share;
  }
  // What rounding left over goes to the largest.
  sizes[0] = std::max(0, sizes[0] + to_add - added);
  for (size_t i = 0; i < sets.size(); ++i) Resize(sets[i], sizes[i], to_add > 0 ? "up" : "down");
}

void Planner::CleanUpHistory() {
  if (!deployment_->spec().has_revisionhistorylimit() ||
      deployment_->spec().revisionhistorylimit() == std::numeric_limits<int32_t>::max())
    return;
  Drafts candidates;
  for (const auto& set : old_sets_) {
    if (!IsBeingDeleted(set->metadata())) candidates.push_back(set);
  }
  const auto keep = static_cast<size_t>(deployment_->spec().revisionhistorylimit());
  if (candidates.size() <= keep) return;
  SortByRevision(candidates);
  candidates.resize(candidates.size() - keep);
  for (const auto& set : candidates) {
    const bool empty = set->status().replicas() == 0 && set->spec().replicas() == 0 &&
                       set->metadata().generation() <= set->status().observedgeneration();
    if (empty) actions_.deletes.push_back(set);
  }
}

void Planner::AddEvent(std::string type, std::string reason, std::string message) {
  actions_.events.push_back({std::move(type), std::move(reason), std::move(message)});
}

int32_t Planner::MinAvailable() const {
  return deployment_->spec().replicas() - ResolveFenceposts(*deployment_).unavailable;
}

int32_t Planner::NewSetSize() const {
  return NewReplicaSetSize(*deployment_, SpecReplicas(all_sets()), new_set_->spec().replicas());
}

void Planner::FinishScaling() {
  WriteStatus(CalculateStatus(*deployment_, all_sets(), new_set_, state_.now));
}

void Planner::FinishRollout() {
  const Drafts all = all_sets();
  auto status = CalculateStatus(*deployment_, all, new_set_, state_.now);
  EstimateProgress(*deployment_, all, new_set_, state_.now, &status);
  actions_.check_after = UntilProgressDeadline(*deployment_, status, state_.now);
  WriteStatus(std::move(status));
}

void Planner::FinishObserved() {
  auto status = deployment_->status();
  status.set_observedgeneration(deployment_->metadata().generation());
  WriteStatus(std::move(status));
}

void Planner::FinishRollback() {
  deployment_->mutable_metadata()->mutable_annotations()->erase(kRollbackTo);
  actions_.update = deployment_;
  actions_.create.reset();
  actions_.updates.clear();
}

void Planner::MarkChanged(const Draft& set, std::string event) {
  if (actions_.create && actions_.create->replica_set == set) return;  // written with its creation
  for (auto& write : actions_.updates) {
    if (write.replica_set != set) continue;
    if (!event.empty()) write.event = std::move(event);
    return;
  }
  actions_.updates.push_back({set, std::move(event)});
}

void Planner::WriteStatus(appsv1::DeploymentStatus status) {
  *deployment_->mutable_status() = std::move(status);
  const auto revision = [](const appsv1::Deployment& deployment) {
    const auto& annotations = deployment.metadata().annotations();
    const auto it = annotations.find(kRevision);
    return it == annotations.end() ? std::string() : it->second;
  };
  const bool changed =
      api::ToJson(deployment_->status()) != api::ToJson(state_.deployment.status()) ||
      revision(*deployment_) != revision(state_.deployment);
  if (changed) actions_.update_status = deployment_;
}

}  // namespace wherry::controllers::deployment
