#include "controllers/replicaset/controller.h"

#include "controllers/objects/await_all.h"
#include "controllers/objects/claim.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/same_labels.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::replicaset {
namespace {

constexpr int kWorkers = 16;

}  // namespace

Controller::Controller(Context context, Adapter adapter)
    : adapter_(std::move(adapter)),
      world_(context.world),
      client_(context.client),
      replica_sets_(context.informers.For(adapter_.kind)),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      queue_(world_, adapter_.queue_name),
      recorder_(world_, client_, adapter_.component) {
  replica_sets_.AddHandlers(EnqueueKeys(queue_));
  pods_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& object) {
            OnPod(As<corev1::Pod>(before).get(), *As<corev1::Pod>(object));
          },
      .on_delete = [this](const auto& object) { OnPodGone(*As<corev1::Pod>(object)); },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&replica_sets_, &pods_},
             [this](std::string key) { return Sync(std::move(key)); });
}

std::string Controller::OwnerKey(const metav1::ObjectMeta& object) const {
  const auto* owner = api::ControllerOf(object);
  if (owner == nullptr || owner->kind() != adapter_.kind.kind) return "";
  std::string key = client::KeyOf(object.namespace_(), owner->name());
  const auto set = replica_sets_.Get(key);
  // A namesake of a deleted set is not the owner.
  return set && api::MetaOf(*set).uid() == owner->uid() ? key : "";
}

void Controller::OnPod(const corev1::Pod* before, const corev1::Pod& pod) {
  const std::string key = OwnerKey(pod.metadata());
  if (before != nullptr) {
    // The set that lost it.
    const std::string old_key = OwnerKey(before->metadata());
    if (!old_key.empty() && old_key != key) queue_.Add(old_key);
  }
  if (!key.empty()) {
    expectations_.CreationObserved(key, pod.metadata().name());
    // Replacements need not wait until a pod that terminates is gone.
    if (IsBeingDeleted(pod.metadata())) expectations_.DeletionObserved(key, pod.metadata().uid());
    queue_.Add(key);
    return;
  }
  if (api::ControllerOf(pod.metadata()) != nullptr || IsBeingDeleted(pod.metadata())) return;
  const bool news = before == nullptr ||
                    !api::SameLabels(before->metadata().labels(), pod.metadata().labels()) ||
                    api::ControllerOf(before->metadata()) != nullptr;
  if (news) EnqueueMatching(pod);
}

void Controller::OnPodGone(const corev1::Pod& pod) {
  const std::string key = OwnerKey(pod.metadata());
  if (key.empty()) return;
  expectations_.CreationObserved(key, pod.metadata().name());
  expectations_.DeletionObserved(key, pod.metadata().uid());
  queue_.Add(key);
}

void Controller::EnqueueMatching(const corev1::Pod& orphan) {
  for (const auto& message : replica_sets_.ByIndex(kByNamespace, orphan.metadata().namespace_())) {
    const auto set = adapter_.view(message);
    const auto selector = api::Selector::FromLabelSelector(set->spec().selector());
    if (selector.ok() && !selector->MatchesEverything() && selector->Matches(orphan))
      queue_.Add(client::KeyOf(*set));
  }
}

Task<Status> Controller::Sync(std::string key) {
  const auto set = adapter_.view(replica_sets_.Get(key));
  if (!set) {
    expectations_.Forget(key);
    co_return Ok();
  }
  // Before the pods are read: events that arrive later only make the answer more careful.
  const bool up_to_date = expectations_.Satisfied(key, world_.clock.MonotonicNow()) ||
                          world_.faults.Fire("replicaset.ignore_expectations");
  CO_TRY(auto pods, co_await ClaimPods(set));
  State state{.replica_set = *set,
              .pods = std::move(pods),
              .related = [this, set] { return RelatedPods(*set); },
              .now = world_.clock.Now()};
  Status managed = Ok();
  if (up_to_date) {
    Actions actions = Reconcile(state);
    if (actions.create > 0) managed = co_await CreatePods(set, actions.create);
    if (!actions.remove.empty()) managed = co_await DeletePods(set, std::move(actions.remove));
  } else {
    queue_.AddAfter(key, Expectations::kTimeout);
  }

  // Pods that go do not count, whether their events have arrived or not: a deployment would take
  // down others in the belief that these still serve.
  std::erase_if(state.pods, [&](const PodPtr& pod) {
    const auto now = As<corev1::Pod>(pods_.Get(client::KeyOf(*pod)));
    return expectations_.IsDeleted(key, pod->metadata().uid()) || !now || !IsPodActive(*now);
  });

  std::optional<Error> failure;
  if (!managed.ok()) failure = managed.error();
  std::optional<WallTime> next;
  for (const auto& pod : state.pods) {
    const auto at = PodAvailableAt(*pod, set->spec().minreadyseconds(), state.now);
    if (at && (!next || *at < *next)) next = at;
  }
  if (next) queue_.AddAfter(key, *next - state.now + std::chrono::milliseconds(1));
  CO_TRY_STATUS(co_await WriteStatus(set, std::move(state), std::move(failure)));
  co_return managed;
}

Task<Result<std::vector<PodPtr>>> Controller::ClaimPods(ReplicaSetPtr set) {
  auto selector = api::Selector::FromLabelSelector(set->spec().selector());
  if (!selector.ok()) co_return std::move(selector).error();

  auto candidates = pods_.ByIndex(kByController, set->metadata().uid());
  for (auto& orphan : pods_.ByIndex(kOrphans, set->metadata().namespace_()))
    candidates.push_back(std::move(orphan));
  std::erase_if(candidates, [](const auto& pod) { return !IsPodActive(*As<corev1::Pod>(pod)); });
  auto claiming = ClaimObjects(client_, adapter_.stored(set), *selector, std::move(candidates));
  CO_TRY(const auto objects, co_await std::move(claiming));
  std::vector<PodPtr> claimed;
  for (const auto& object : objects) claimed.push_back(As<corev1::Pod>(object));
  co_return claimed;
}

std::vector<PodPtr> Controller::RelatedPods(const appsv1::ReplicaSet& set) const {
  std::vector<client::MessagePtr> sets;
  if (const auto* owner = api::ControllerOf(set.metadata()))
    sets = replica_sets_.ByIndex(kByController, owner->uid());
  std::vector<PodPtr> related;
  for (const auto& sibling : sets) {
    for (const auto& pod : pods_.ByIndex(kByController, api::MetaOf(*sibling).uid()))
      related.push_back(As<corev1::Pod>(pod));
  }
  if (sets.empty()) {
    for (const auto& pod : pods_.ByIndex(kByController, set.metadata().uid()))
      related.push_back(As<corev1::Pod>(pod));
  }
  return related;
}

// Batches of 1, 2, 4, ... so that a set whose pods are all refused asks only once.
Task<Status> Controller::CreatePods(ReplicaSetPtr set, int32_t count) {
  for (int32_t batch = 1; count > 0; batch *= 2) {
    const int32_t size = std::min(batch, count);
    std::vector<Task<Status>> creations;
    for (int32_t i = 0; i < size; ++i) creations.push_back(CreatePod(set));
    auto outcomes = co_await AwaitAll(world_.loop, std::move(creations));
    for (auto& outcome : outcomes) {
      if (!outcome.ok()) co_return std::move(outcome);
    }
    count -= size;
  }
  co_return Ok();
}

// The name is chosen here, not by the server: a request without an answer is repeated, and cannot
// make a second pod.
Task<Status> Controller::CreatePod(ReplicaSetPtr set) {
  const std::string key = client::KeyOf(*set);
  const std::string name = PodNamePrefix(*set) + world_.random.NameSuffix();
  const client::MessagePtr pod = MakePod(*set, *adapter_.stored(set), name);
  expectations_.ExpectCreation(key, name, world_.clock.MonotonicNow());
  std::chrono::milliseconds pause{50};
  for (int attempt = 1;; ++attempt) {
    auto created = co_await client_.Create(set->metadata().namespace_(), pod);
    const bool made_before =
        !created.ok() && attempt > 1 && created.error().reason == Reason::kAlreadyExists;
    if (created.ok() || made_before) {
      recorder_.Event(*adapter_.stored(set), "Normal", "SuccessfulCreate", "Created pod: " + name);
      co_return Ok();
    }
    if (IsAmbiguous(created.error()) && attempt < 8) {
      co_await SleepFor(world_.loop, pause);
      pause *= 2;
      continue;
    }
    expectations_.CreationObserved(key, name);
    // In a namespace that goes away every creation fails, and nobody needs to hear of it.
    if (HasCause(created.error(), "NamespaceTerminating")) co_return Ok();
    recorder_.Event(*adapter_.stored(set), "Warning", "FailedCreate",
                    "Error creating: " + created.error().message);
    co_return std::move(created).error();
  }
}

Task<Status> Controller::DeletePods(ReplicaSetPtr set, std::vector<PodPtr> pods) {
  std::vector<Task<Status>> deletions;
  for (const auto& pod : pods) deletions.push_back(DeletePod(set, pod));
  auto outcomes = co_await AwaitAll(world_.loop, std::move(deletions));
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) co_return std::move(outcome);
  }
  co_return Ok();
}

Task<Status> Controller::DeletePod(ReplicaSetPtr set, PodPtr pod) {
  const std::string key = client::KeyOf(*set);
  const auto& meta = pod->metadata();
  expectations_.ExpectDeletion(key, meta.uid(), world_.clock.MonotonicNow());
  client::DeleteOptions options;
  options.uid = meta.uid();
  std::chrono::milliseconds pause{50};
  for (int attempt = 1;; ++attempt) {
    auto deleted =
        co_await client_.Delete(api::KindOf(*pod), meta.namespace_(), meta.name(), options);
    if (deleted.ok()) {
      recorder_.Event(*adapter_.stored(set), "Normal", "SuccessfulDelete",
                      "Deleted pod: " + meta.name());
      co_return Ok();
    }
    if (IsAmbiguous(deleted.error()) && attempt < 8) {
      co_await SleepFor(world_.loop, pause);
      pause *= 2;
      continue;
    }
    expectations_.DeletionObserved(key, meta.uid());
    if (deleted.error().reason == Reason::kNotFound) co_return Ok();
    recorder_.Event(*adapter_.stored(set), "Warning", "FailedDelete",
                    "Error deleting: " + deleted.error().message);
    co_return std::move(deleted).error().Wrap("unable to delete pods");
  }
}

Task<Status> Controller::WriteStatus(ReplicaSetPtr set, State state, std::optional<Error> failure) {
  auto status = CalculateStatus(state, failure);
  if (!StatusDiffers(*set, status)) co_return Ok();
  auto copy = std::make_shared<appsv1::ReplicaSet>(*set);
  *copy->mutable_status() = std::move(status);
  const client::MessagePtr object = adapter_.stored(std::move(copy));
  CO_TRY_STATUS(co_await client_.UpdateStatus(object));
  co_return Ok();
}

}  // namespace wherry::controllers::replicaset
