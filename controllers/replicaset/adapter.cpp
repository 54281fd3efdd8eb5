#include "controllers/replicaset/adapter.h"

#include "lib/api/kind_registry.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::replicaset {
namespace {

// Both kinds' statuses have the same fields.
template <typename To, typename From>
void CopyStatus(const From& from, To* to) {
  to->set_replicas(from.replicas());
  to->set_fullylabeledreplicas(from.fullylabeledreplicas());
  to->set_readyreplicas(from.readyreplicas());
  to->set_availablereplicas(from.availablereplicas());
  to->set_observedgeneration(from.observedgeneration());
  for (const auto& condition : from.conditions()) {
    auto* copy = to->add_conditions();
    copy->set_type(condition.type());
    copy->set_status(condition.status());
    if (condition.has_lasttransitiontime())
      *copy->mutable_lasttransitiontime() = condition.lasttransitiontime();
    copy->set_reason(condition.reason());
    copy->set_message(condition.message());
  }
}

ReplicaSetPtr ViewOfReplicaSet(const client::MessagePtr& stored) {
  return std::static_pointer_cast<const appsv1::ReplicaSet>(stored);
}

client::MessagePtr StoredReplicaSet(const ReplicaSetPtr& view) { return view; }

ReplicaSetPtr ViewOfReplicationController(const client::MessagePtr& stored) {
  if (!stored) return nullptr;
  const auto& from = static_cast<const corev1::ReplicationController&>(*stored);
  auto view = std::make_shared<appsv1::ReplicaSet>();
  *view->mutable_metadata() = from.metadata();
  auto* spec = view->mutable_spec();
  spec->set_replicas(from.spec().replicas());
  spec->set_minreadyseconds(from.spec().minreadyseconds());
  *spec->mutable_selector()->mutable_matchlabels() = from.spec().selector();
  *spec->mutable_template_() = from.spec().template_();
  CopyStatus(from.status(), view->mutable_status());
  return view;
}

client::MessagePtr StoredReplicationController(const ReplicaSetPtr& view) {
  auto stored = std::make_shared<corev1::ReplicationController>();
  *stored->mutable_metadata() = view->metadata();
  auto* spec = stored->mutable_spec();
  spec->set_replicas(view->spec().replicas());
  spec->set_minreadyseconds(view->spec().minreadyseconds());
  *spec->mutable_selector() = view->spec().selector().matchlabels();
  *spec->mutable_template_() = view->spec().template_();
  CopyStatus(view->status(), stored->mutable_status());
  return stored;
}

}  // namespace

Adapter ReplicaSetAdapter() {
  return {.kind = api::KindOf<appsv1::ReplicaSet>(),
          .queue_name = "replicaset",
          .component = "replicaset-controller",
          .view = ViewOfReplicaSet,
          .stored = StoredReplicaSet};
}

Adapter ReplicationControllerAdapter() {
  return {.kind = api::KindOf<corev1::ReplicationController>(),
          .queue_name = "replicationmanager",
          .component = "replication-controller",
          .view = ViewOfReplicationController,
          .stored = StoredReplicationController};
}

}  // namespace wherry::controllers::replicaset
