#include "controllers/replicaset/reconcile.h"

#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/codec.h"
#include "lib/api/labels.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::replicaset {
namespace {

constexpr char kReplicaFailure[] = "ReplicaFailure";
constexpr size_t kGeneratedNameMax = 63 - 5;

bool HasLabels(const corev1::Pod& pod, const corev1::PodTemplateSpec& pod_template) {
  const auto& labels = pod.metadata().labels();
  const auto& wanted = pod_template.metadata().labels();
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto it = labels.find(label.first);
    return it != labels.end() && it->second == label.second;
  });
}

int32_t Surplus(const State& state) {
  return static_cast<int32_t>(state.pods.size()) - state.replica_set.spec().replicas();
}

}  // namespace

Actions Reconcile(const State& state) {
  Actions actions;
  if (IsBeingDeleted(state.replica_set.metadata())) return actions;
  const int32_t surplus = Surplus(state);
  if (surplus < 0) actions.create = std::min(-surplus, kBurstReplicas);
  if (surplus <= 0) return actions;
  const auto count = static_cast<size_t>(std::min(surplus, kBurstReplicas));
  actions.remove = count >= state.pods.size()
                       ? state.pods
                       : PodsToDelete(state.pods, state.related(), count, state.now);
  return actions;
}

std::string PodNamePrefix(const appsv1::ReplicaSet& replica_set) {
  std::string prefix = replica_set.metadata().name() + "-";
  if (prefix.size() > kGeneratedNameMax) prefix.resize(kGeneratedNameMax);
  return prefix;
}

std::shared_ptr<corev1::Pod> MakePod(const appsv1::ReplicaSet& replica_set,
                                     const google::protobuf::Message& owner, std::string name) {
  const auto& pod_template = replica_set.spec().template_();
  auto pod = std::make_shared<corev1::Pod>();
  auto* meta = pod->mutable_metadata();
  meta->set_name(std::move(name));
  meta->set_generatename(replica_set.metadata().name() + "-");
  meta->set_namespace_(replica_set.metadata().namespace_());
  *meta->mutable_labels() = pod_template.metadata().labels();
  *meta->mutable_annotations() = pod_template.metadata().annotations();
  *meta->mutable_finalizers() = pod_template.metadata().finalizers();
  api::SetControllerReference(owner, meta);
  *pod->mutable_spec() = pod_template.spec();
  return pod;
}

appsv1::ReplicaSetStatus CalculateStatus(const State& state, const std::optional<Error>& failure) {
  const auto& spec = state.replica_set.spec();
  int32_t labelled = 0;
  int32_t ready = 0;
  int32_t available = 0;
  for (const auto& pod : state.pods) {
    labelled += HasLabels(*pod, spec.template_()) ? 1 : 0;
    ready += IsPodReady(*pod) ? 1 : 0;
    available += IsPodAvailable(*pod, spec.minreadyseconds(), state.now) ? 1 : 0;
  }
  appsv1::ReplicaSetStatus status;
  status.set_replicas(static_cast<int32_t>(state.pods.size()));
  status.set_fullylabeledreplicas(labelled);
  status.set_readyreplicas(ready);
  status.set_availablereplicas(available);
  status.set_observedgeneration(state.replica_set.metadata().generation());
  auto* conditions = status.mutable_conditions();
  *conditions = state.replica_set.status().conditions();
  const bool failing = FindCondition(conditions, kReplicaFailure) != nullptr;
  if (failure && !failing) {
    appsv1::ReplicaSetCondition condition;
    condition.set_type(kReplicaFailure);
    condition.set_status("True");
    condition.set_reason(Surplus(state) < 0 ? "FailedCreate" : "FailedDelete");
    condition.set_message(failure->message);
    api::SetTime(condition.mutable_lasttransitiontime(), state.now);
    SetCondition(conditions, std::move(condition));
  } else if (!failure && failing) {
    RemoveCondition(conditions, kReplicaFailure);
  }
  return status;
}

bool StatusDiffers(const appsv1::ReplicaSet& replica_set, const appsv1::ReplicaSetStatus& status) {
  return api::ToJson(replica_set.status()) != api::ToJson(status);
}

}  // namespace wherry::controllers::replicaset
