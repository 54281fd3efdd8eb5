#include "controllers/disruption/controller.h"

#include "controllers/objects/worker.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::controllers::disruption {
namespace {

using policyv1::PodDisruptionBudget;

constexpr int kWorkers = 4;

// spec.replicas, wherever it is a number.
Result<int32_t> Replicas(const google::protobuf::Message& owner) {
  const json::Value document = api::ToDocument(owner);
  const json::Value::json_pointer at("/spec/replicas");
  if (document.contains(at) && document.at(at).is_number_integer()) {
    return document.at(at).get<int32_t>();
  }
  return MakeError(Reason::kNotFound,
                   "'" + api::MetaOf(owner).name() + "' has no number of replicas");
}

// The kind that an owner reference names, whatever its version was; null when it is unknown.
const api::KindInfo* KindNamed(const metav1::OwnerReference& owner) {
  const std::string& version = owner.apiversion();
  const auto& kinds = api::AllKinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const api::KindInfo* kind) {
    return kind->kind == owner.kind() && kind->ApiVersion() == version && !kind->plural.empty();
  });
  return found == kinds.end() ? nullptr : *found;
}

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      budgets_(context.informers.For(api::KindOf<PodDisruptionBudget>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      replica_sets_(context.informers.For(api::KindOf<appsv1::ReplicaSet>())),
      deployments_(context.informers.For(api::KindOf<appsv1::Deployment>())),
      queue_(world_, "disruption") {
  budgets_.AddHandlers(EnqueueKeys(queue_));
  budgets_.AddHandlers({.on_delete = [this](const auto& budget) {
    selectors_.Forget(*As<PodDisruptionBudget>(budget));
  }});
  pods_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& pod) {
            if (before) {
              if (!CountsDifferently(*As<corev1::Pod>(before), *As<corev1::Pod>(pod))) return;
              EnqueueBudgetsOf(*As<corev1::Pod>(before));
            }
            EnqueueBudgetsOf(*As<corev1::Pod>(pod));
          },
      .on_delete = [this](const auto& pod) { EnqueueBudgetsOf(*As<corev1::Pod>(pod)); },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&budgets_, &pods_, &replica_sets_, &deployments_},
             [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::EnqueueBudgetsOf(const corev1::Pod& pod) {
  for (const auto& object : budgets_.ByIndex(kByNamespace, pod.metadata().namespace_())) {
    if (selectors_.Of(As<PodDisruptionBudget>(object)).Matches(pod)) {
      queue_.Add(client::KeyOf(*object));
    }
  }
}

std::vector<PodPtr> Controller::PodsOf(const BudgetPtr& budget) {
  const api::Selector& selector = selectors_.Of(budget);
  std::vector<PodPtr> selected;
  for (const auto& object : pods_.ByIndex(kByNamespace, budget->metadata().namespace_())) {
    if (selector.Matches(*object)) selected.push_back(As<corev1::Pod>(object));
  }
  return selected;
}

Task<Result<int32_t>> Controller::ReplicasOf(std::string ns, metav1::OwnerReference owner) {
  const std::string key = client::KeyOf(ns, owner.name());
  client::MessagePtr object;
  if (owner.kind() == "ReplicaSet") {
    object = replica_sets_.Get(key);
    const auto* above = object ? api::ControllerOf(api::MetaOf(*object)) : nullptr;
    if (above != nullptr && above->kind() == "Deployment") {
      const auto deployment = deployments_.Get(client::KeyOf(ns, above->name()));
      if (deployment && api::MetaOf(*deployment).uid() == above->uid()) object = deployment;
    }
  }
  if (!object) {
    const api::KindInfo* kind = KindNamed(owner);
    if (kind == nullptr) {
      co_return MakeError(Reason::kNotFound, "found no controllers of the kind " + owner.kind());
    }
    auto asking = client_.Get(*kind, ns, owner.name());
    CO_TRY(object, co_await std::move(asking));
  }
  co_return Replicas(*object);
}

Task<Result<int32_t>> Controller::ScaleOf(std::vector<PodPtr> pods) {
  std::map<std::string, metav1::OwnerReference> owners;  // by uid
  for (const PodPtr& pod : pods) {
    const auto* owner = api::ControllerOf(pod->metadata());
    if (owner != nullptr) owners.try_emplace(owner->uid(), *owner);
  }
  // Two replica sets of one deployment in the middle of a rollout want the same pods.
  std::map<std::string, int32_t> scales;
  for (const auto& [uid, owner] : owners) {
    const std::string ns = pods.front()->metadata().namespace_();
    std::string who = uid;
    if (const auto set = replica_sets_.Get(client::KeyOf(ns, owner.name()));
        set && owner.kind() == "ReplicaSet") {
      const auto* above = api::ControllerOf(api::MetaOf(*set));
      if (above != nullptr) who = above->uid();
    }
    if (scales.contains(who)) continue;
    auto counting = ReplicasOf(ns, owner);
    CO_TRY(const int32_t replicas, co_await std::move(counting));
    scales[who] = replicas;
  }
  int32_t sum = 0;
  for (const auto& [uid, replicas] : scales) sum += replicas;
  co_return sum;
}

Task<Status> Controller::Sync(std::string key) {
  const auto budget = As<PodDisruptionBudget>(budgets_.Get(key));
  if (!budget) co_return Ok();
  std::vector<PodPtr> pods = PodsOf(budget);
  Result<int32_t> scale = 0;
  if (NeedsScale(*budget)) {
    auto counting = ScaleOf(pods);
    scale = co_await std::move(counting);
  }
  const WallTime now = world_.clock.Now();
  Result<Verdict> verdict = Verdict{};
  if (scale.ok()) {
    verdict = Judge(*budget, pods, *scale, now);
  } else {
    verdict = scale.error();
  }
  if (!verdict.ok()) {
    const BudgetPtr failed = Failed(*budget, verdict.error(), now);
    if (failed) CO_TRY_STATUS(co_await client_.UpdateStatus(failed));
    co_return std::move(verdict).error();
  }
  if (verdict->updated) CO_TRY_STATUS(co_await client_.UpdateStatus(verdict->updated));
  if (verdict->look_again) queue_.AddAfter(key, *verdict->look_again - now);
  co_return Ok();
}

}  // namespace wherry::controllers::disruption
