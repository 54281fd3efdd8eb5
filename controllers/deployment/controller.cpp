#include "controllers/deployment/controller.h"

#include "controllers/deployment/names.h"
#include "controllers/objects/claim.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/apps/v1.pb.h"

namespace wherry::controllers::deployment {
namespace {

constexpr int kWorkers = 16;

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      deployments_(context.informers.For(api::KindOf<appsv1::Deployment>())),
      replica_sets_(context.informers.For(api::KindOf<appsv1::ReplicaSet>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      queue_(world_, "deployment"),
      recorder_(world_, client_, "deployment-controller") {
  deployments_.AddHandlers(EnqueueKeys(queue_));
  replica_sets_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& object) {
            if (before) OnOwnerChange(api::MetaOf(*before), api::MetaOf(*object));
            OnReplicaSet(*As<appsv1::ReplicaSet>(object));
          },
      .on_delete =
          [this](const auto& object) {
            const auto& meta = api::MetaOf(*object);
            if (const auto* owner = api::ControllerOf(meta))
              own_writes_.ForgetSet(client::KeyOf(meta.namespace_(), owner->name()), meta.uid());
            EnqueueOwner(meta);
          },
  });
  pods_.AddHandlers({
      .on_change = nullptr,
      .on_delete = [this](const auto& object) { OnPodDeleted(*As<corev1::Pod>(object)); },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&deployments_, &replica_sets_, &pods_},
             [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::EnqueueOwner(const metav1::ObjectMeta& set) {
  const auto* owner = api::ControllerOf(set);
  if (owner == nullptr || owner->kind() != "Deployment") return;
  queue_.Add(client::KeyOf(set.namespace_(), owner->name()));
}

void Controller::OnOwnerChange(const metav1::ObjectMeta& before, const metav1::ObjectMeta& set) {
  const auto* owner = api::ControllerOf(before);
  if (owner == nullptr || api::IsControlledBy(set, owner->uid())) return;
  own_writes_.ForgetSet(client::KeyOf(before.namespace_(), owner->name()), before.uid());
  EnqueueOwner(before);
}

void Controller::OnReplicaSet(const appsv1::ReplicaSet& set) {
  if (api::ControllerOf(set.metadata()) != nullptr) return EnqueueOwner(set.metadata());
  // An orphan: whoever matches may adopt it.
  for (const auto& message : deployments_.ByIndex(kByNamespace, set.metadata().namespace_())) {
    const auto candidate = As<appsv1::Deployment>(message);
    const auto selector = api::Selector::FromLabelSelector(candidate->spec().selector());
    if (selector.ok() && !selector->MatchesEverything() && selector->Matches(set))
      queue_.Add(client::KeyOf(*candidate));
  }
}

// Recreate waits for the last old pod to be gone, which no replica set reports.
void Controller::OnPodDeleted(const corev1::Pod& pod) {
  const auto* owner = api::ControllerOf(pod.metadata());
  if (owner == nullptr || owner->kind() != "ReplicaSet") return;
  const auto set = replica_sets_.Get(client::KeyOf(pod.metadata().namespace_(), owner->name()));
  if (set) EnqueueOwner(api::MetaOf(*set));
}

Task<Status> Controller::Sync(std::string key) {
  const auto deployment = As<appsv1::Deployment>(deployments_.Get(key));
  if (!deployment) {
    own_writes_.Forget(key);
    co_return Ok();
  }
  CO_TRY_STATUS(co_await Clarify(key));
  CO_TRY(auto sets, co_await ClaimReplicaSets(deployment));
  if (!own_writes_.Seen(key, sets, world_.clock.MonotonicNow()) &&
      !world_.faults.Fire("deployment.ignore_own_writes")) {
    queue_.AddAfter(key, OwnWrites::kTimeout);
    co_return Ok();
  }

  State state{
      .deployment = *deployment, .replica_sets = std::move(sets), .now = world_.clock.Now()};
  if (deployment->spec().strategy().type() == "Recreate") {
    for (const auto& set : state.replica_sets) {
      for (const auto& pod : pods_.ByIndex(kByController, set->metadata().uid()))
        state.pods.push_back(As<corev1::Pod>(pod));
    }
  }
  Actions actions = Reconcile(state);
  const auto check_after = actions.check_after;
  CO_TRY_STATUS(co_await Execute(deployment, std::move(actions)));
  if (check_after) queue_.AddAfter(key, *check_after);
  co_return Ok();
}

Task<Result<std::vector<ReplicaSetPtr>>> Controller::ClaimReplicaSets(DeploymentPtr deployment) {
  std::vector<ReplicaSetPtr> claimed;
  auto selector = api::Selector::FromLabelSelector(deployment->spec().selector());
  if (!selector.ok() || selector->MatchesEverything()) co_return claimed;

  auto candidates = replica_sets_.ByIndex(kByController, deployment->metadata().uid());
  for (auto& orphan : replica_sets_.ByIndex(kOrphans, deployment->metadata().namespace_()))
    candidates.push_back(std::move(orphan));
  auto claiming = ClaimObjects(client_, deployment, *selector, std::move(candidates));
  CO_TRY(const auto objects, co_await std::move(claiming));
  for (const auto& object : objects) claimed.push_back(As<appsv1::ReplicaSet>(object));
  co_return claimed;
}

Task<Status> Controller::Execute(DeploymentPtr deployment, Actions actions) {
  if (actions.update) {
    const client::MessagePtr update = actions.update;
    CO_TRY_STATUS(co_await client_.Update(update));
  }
  if (actions.create) CO_TRY_STATUS(co_await CreateReplicaSet(deployment, *actions.create));
  for (const auto& write : actions.updates)
    CO_TRY_STATUS(co_await UpdateReplicaSet(deployment, write));
  for (const client::MessagePtr set : actions.deletes)
    CO_TRY_STATUS(co_await DeleteObject(client_, set));
  if (actions.update_status) CO_TRY_STATUS(co_await WriteStatus(actions.update_status));
  for (const auto& event : actions.events)
    recorder_.Event(*deployment, event.type, event.reason, event.message);
  co_return Ok();
}

Task<Status> Controller::Clarify(std::string key) {
  const auto [ns, name] = SplitKey(key);
  for (const std::string& set : own_writes_.UnclearSets(key)) {
    auto live = co_await client_.Get(api::KindOf<appsv1::ReplicaSet>(), ns, set);
    if (!live.ok() && live.error().reason != Reason::kNotFound) co_return std::move(live).error();
    if (live.ok())
      own_writes_.Written(key, *As<appsv1::ReplicaSet>(*live), world_.clock.MonotonicNow());
    own_writes_.Clear(key, set);
  }
  co_return Ok();
}

Task<Status> Controller::UpdateReplicaSet(DeploymentPtr deployment, Actions::Write write) {
  const std::string key = client::KeyOf(*deployment);
  const client::MessagePtr object = write.replica_set;
  auto updated = co_await client_.Update(object);
  if (!updated.ok()) {
    if (IsAmbiguous(updated.error()))
      own_writes_.Unclear(key, write.replica_set->metadata().name());
    co_return std::move(updated).error();
  }
  own_writes_.Written(key, *As<appsv1::ReplicaSet>(*updated), world_.clock.MonotonicNow());
  if (!write.event.empty())
    recorder_.Event(*deployment, "Normal", "ScalingReplicaSet", write.event);
  co_return Ok();
}

Task<Status> Controller::CreateReplicaSet(DeploymentPtr deployment, Actions::Write create) {
  const client::MessagePtr object = create.replica_set;
  const std::string ns = deployment->metadata().namespace_();
  auto created = co_await client_.Create(ns, object);
  const std::string key = client::KeyOf(*deployment);
  if (created.ok()) {
    own_writes_.Written(key, *As<appsv1::ReplicaSet>(*created), world_.clock.MonotonicNow());
    if (!create.event.empty())
      recorder_.Event(*deployment, "Normal", "ScalingReplicaSet", create.event);
    co_return Ok();
  }
  Error error = std::move(created).error();
  const std::string& name = create.replica_set->metadata().name();
  if (error.reason == Reason::kAlreadyExists) {
    // Our own from an earlier round, which the cache does not show yet, or a hash collision.
    CO_TRY(auto message, co_await client_.Get(api::KindOf<appsv1::ReplicaSet>(), ns, name));
    const auto existing = As<appsv1::ReplicaSet>(message);
    const bool ours = api::IsControlledBy(existing->metadata(), deployment->metadata().uid()) &&
                      SameTemplate(existing->spec().template_(), deployment->spec().template_());
    if (ours) {
      own_writes_.Written(key, *existing, world_.clock.MonotonicNow());
      co_return Ok();
    }
    CO_TRY_STATUS(co_await WriteStatus(WithCollision(*deployment)));
    co_return error;
  }
  if (HasCause(error, "NamespaceTerminating")) co_return error;
  if (IsAmbiguous(error)) {
    own_writes_.Unclear(key, name);
    co_return error;
  }
  const std::string message = "Failed to create new replica set \"" + name + "\": " + error.message;
  if (auto status = WithCreateError(*deployment, message, world_.clock.Now())) {
    auto written = co_await WriteStatus(std::move(status));
    Ignore(written, "the failed creation is the bigger problem, and is tried again");
  }
  recorder_.Event(*deployment, "Warning", kReplicaSetCreateError, message);
  co_return error;
}

// The status update carries the revision annotation; a server that keeps metadata out of status
// updates gets it by patch.
Task<Status> Controller::WriteStatus(std::shared_ptr<appsv1::Deployment> deployment) {
  const client::MessagePtr object = deployment;
  CO_TRY(auto written, co_await client_.UpdateStatus(object));
  const auto& wanted = deployment->metadata().annotations();
  const auto revision = wanted.find(kRevision);
  if (revision == wanted.end()) co_return Ok();
  const auto& stored = api::MetaOf(*written).annotations();
  const auto current = stored.find(kRevision);
  if (current != stored.end() && current->second == revision->second) co_return Ok();
  std::string patch = std::string(R"({"metadata":{"annotations":{")") + kRevision + R"(":")" +
                      revision->second + R"("}}})";
  CO_TRY_STATUS(co_await client_.Patch(
      api::KindOf(*deployment), deployment->metadata().namespace_(), deployment->metadata().name(),
      client::PatchType::kMerge, std::move(patch), ""));
  co_return Ok();
}

}  // namespace wherry::controllers::deployment
