#include "controllers/podgc/controller.h"

#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_disruption.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers::podgc {
namespace {

constexpr int kWorkers = 8;
constexpr char kOutOfService[] = "node.kubernetes.io/out-of-service";

// Somebody has said of a node that it will not come back: its terminating pods wait for nobody.
bool IsOutOfService(const corev1::Node& node) {
  const auto& conditions = node.status().conditions();
  const auto* ready = FindCondition(&conditions, "Ready");
  const auto& taints = node.spec().taints();
  return (ready == nullptr || ready->status() != "True") &&
         std::any_of(taints.begin(), taints.end(),
                     [](const auto& taint) { return taint.key() == kOutOfService; });
}

}  // namespace

Controller::Controller(Context context, Options options)
    : world_(context.world),
      client_(context.client),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      options_(options),
      queue_(world_, "pod_gc"),
      finished_(options.terminated_max) {
  pods_.AddHandlers({
      .on_change = [this](const auto&, const auto& pod) { OnPod(*As<corev1::Pod>(pod)); },
      .on_delete = [this](const auto& pod) { finished_.Remove(*As<corev1::Pod>(pod)); },
  });
  nodes_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& node) {
            const std::string& name = api::MetaOf(*node).name();
            missing_since_.erase(name);
            if (IsOutOfService(*As<corev1::Node>(node))) EnqueuePodsOf(name);
          },
      .on_delete = [this](const auto& node) { EnqueuePodsOf(api::MetaOf(*node).name()); },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&pods_, &nodes_},
             [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::EnqueuePodsOf(const std::string& node) {
  for (const auto& pod : pods_.ByIndex(kByNode, node)) queue_.Add(client::KeyOf(*pod));
}

void Controller::OnPod(const corev1::Pod& pod) {
  for (auto& key : finished_.Update(pod)) queue_.Add(std::move(key));
  const std::string& node = pod.spec().nodename();
  // A pod that has one is in its kubelet's care, unless it is gone or given up.
  const bool cared_for = !node.empty() && nodes_.HasSynced() && nodes_.Get(node) != nullptr;
  if (IsBeingDeleted(pod.metadata()) || (!node.empty() && !cared_for))
    queue_.Add(client::KeyOf(pod));
}

Task<Status> Controller::Sync(std::string key) {
  const auto pod = As<corev1::Pod>(pods_.Get(key));
  if (!pod) co_return Ok();
  const std::string& name = pod->spec().nodename();
  const auto node = name.empty() ? nullptr : As<corev1::Node>(nodes_.Get(name));
  if (!name.empty() && !node) co_return co_await SyncOrphan(pod);
  const bool abandoned = IsBeingDeleted(pod->metadata()) && (!node || IsOutOfService(*node));
  if (!abandoned && !finished_.IsSurplus(key)) co_return Ok();
  Disruption why{.mark_failed = true, .force = true};
  co_return co_await DisruptPod(world_, client_, pod, std::move(why));
}

Task<Status> Controller::SyncOrphan(PodPtr pod) {
  const std::string node = pod->spec().nodename();
  const MonotonicTime now = world_.clock.MonotonicNow();
  const MonotonicTime since = missing_since_.try_emplace(node, now).first->second;
  if (now - since < options_.quarantine) {
    queue_.AddAfter(client::KeyOf(*pod), since + options_.quarantine - now);
    co_return Ok();
  }
  auto live = co_await client_.Get(api::KindOf<corev1::Node>(), "", node);
  if (live.ok()) co_return Ok();
  if (live.error().reason != Reason::kNotFound) co_return std::move(live).error();
  Disruption why{.reason = "DeletionByPodGC",
                 .message = "PodGC: node no longer exists",
                 .mark_failed = true,
                 .force = true};
  co_return co_await DisruptPod(world_, client_, std::move(pod), std::move(why));
}

}  // namespace wherry::controllers::podgc
