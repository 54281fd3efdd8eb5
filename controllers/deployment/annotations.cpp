#include "controllers/deployment/names.h"
#include "controllers/deployment/replica_sets.h"
#include "controllers/deployment/sizing.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace wherry::controllers::deployment {
namespace {

// About 100 entries of revision-history.
constexpr size_t kRevisionHistoryBytesMax = 2000;

// Annotations that belong to one object and are not copied between deployment and replica set.
bool StaysBehind(std::string_view key) {
  static constexpr std::array<std::string_view, 6> kKeys = {
      kLastApplied, kRevision, kRevisionHistory, kDesiredReplicas, kMaxReplicas, kRollbackTo};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

template <typename Map>
bool Assign(Map* map, const std::string& key, const std::string& value) {
  auto [it, inserted] = map->insert({key, value});
  if (inserted) return true;
  if (it->second == value) return false;
  it->second = value;
  return true;
}

// `history` with `revision` at its end, its oldest entries dropped to stay within the bound.
std::string AppendRevision(std::string history, const std::string& revision) {
  if (!history.empty()) history += ',';
  history += revision;
  while (history.size() > kRevisionHistoryBytesMax) {
    const size_t comma = history.find(',');
    if (comma == std::string::npos) break;
    history.erase(0, comma + 1);
  }
  return history;
}

}  // namespace

bool SetReplicasAnnotations(const appsv1::Deployment& deployment, appsv1::ReplicaSet* set) {
  auto* annotations = set->mutable_metadata()->mutable_annotations();
  const bool desired =
      Assign(annotations, kDesiredReplicas, std::to_string(deployment.spec().replicas()));
  const bool max = Assign(annotations, kMaxReplicas, std::to_string(MaxTotalReplicas(deployment)));
  return desired || max;
}

bool SetNewReplicaSetAnnotations(const appsv1::Deployment& deployment, int64_t new_revision,
                                 bool exists, appsv1::ReplicaSet* set) {
  auto* annotations = set->mutable_metadata()->mutable_annotations();
  bool changed = false;
  for (const auto& [key, value] : deployment.metadata().annotations()) {
    if (!StaysBehind(key)) changed |= Assign(annotations, key, value);
  }
  const auto current = annotations->find(kRevision);
  const bool had_revision = current != annotations->end();
  const std::string old_text = had_revision ? current->second : "";
  const auto old_revision = IntAnnotation(set->metadata(), kRevision);
  if (had_revision && !old_text.empty() && !old_revision) return changed;  // not ours to repair
  // Revisions only grow: deleting old sets makes the computed one fall behind.
  if (old_revision.value_or(0) < new_revision) {
    if (had_revision && !old_text.empty())
      Assign(annotations, kRevisionHistory,
             AppendRevision((*annotations)[kRevisionHistory], old_text));
    Assign(annotations, kRevision, std::to_string(new_revision));
    changed = true;
  }
  if (!exists) changed |= SetReplicasAnnotations(deployment, set);
  return changed;
}

void SetDeploymentAnnotationsTo(const appsv1::ReplicaSet& set, appsv1::Deployment* deployment) {
  const auto before = deployment->metadata().annotations();
  auto* annotations = deployment->mutable_metadata()->mutable_annotations();
  annotations->clear();
  for (const auto& [key, value] : before) {
    if (StaysBehind(key)) (*annotations)[key] = value;
  }
  for (const auto& [key, value] : set.metadata().annotations()) {
    if (!StaysBehind(key)) (*annotations)[key] = value;
  }
}

}  // namespace wherry::controllers::deployment
