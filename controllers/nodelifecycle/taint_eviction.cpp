#include "controllers/nodelifecycle/taint_eviction.h"

#include "controllers/objects/pod_disruption.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::nodelifecycle {
namespace {

constexpr int kWorkers = 8;

}  // namespace

TaintEviction::TaintEviction(Context context)
    : world_(context.world),
      client_(context.client),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      queue_(world_, "taint_eviction"),
      recorder_(world_, client_, "taint-controller") {
  nodes_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& object) {
            const auto node = As<corev1::Node>(object);
            const bool was = before && HasNoExecute(*As<corev1::Node>(before));
            if (!was && !HasNoExecute(*node)) return;
            for (const auto& pod : pods_.ByIndex(kByNode, node->metadata().name()))
              queue_.Add(client::KeyOf(*pod));
          },
      .on_delete = nullptr,
  });
  pods_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& object) {
            const auto pod = As<corev1::Pod>(object);
            if (pod->spec().nodename().empty()) return;
            const auto node = As<corev1::Node>(nodes_.Get(pod->spec().nodename()));
            const bool tainted = node && HasNoExecute(*node);
            if (tainted || tainted_since_.contains(pod->metadata().uid()))
              queue_.Add(client::KeyOf(*pod));
          },
      .on_delete = [this](const auto& object) { tainted_since_.erase(api::MetaOf(*object).uid()); },
  });
}

void TaintEviction::Start(TaskScope& scope) {
  scope.Spawn("taint eviction controller", Run(scope));
}

Task<void> TaintEviction::Run(TaskScope& scope) {
  co_await WaitForSync({&nodes_, &pods_});
  for (const auto& message : nodes_.List()) {
    const auto node = As<corev1::Node>(message);
    if (!HasNoExecute(*node)) continue;
    for (const auto& pod : pods_.ByIndex(kByNode, node->metadata().name()))
      queue_.Add(client::KeyOf(*pod));
  }
  queue_.Run(scope, kWorkers, [this](std::string key) { return Sync(std::move(key)); });
}

void TaintEviction::Spare(const PodPtr& pod) {
  if (tainted_since_.erase(pod->metadata().uid()) == 0) return;
  recorder_.Event(*pod, "Normal", "TaintManagerEviction",
                  "Cancelling deletion of Pod " + client::KeyOf(*pod));
}

Task<Status> TaintEviction::Sync(std::string key) {
  const auto pod = As<corev1::Pod>(pods_.Get(key));
  if (!pod || IsBeingDeleted(pod->metadata())) co_return Ok();
  const auto node = As<corev1::Node>(nodes_.Get(pod->spec().nodename()));
  if (!node) co_return Ok();
  const auto tolerated = ToleratedFor(*pod, *node);
  if (!tolerated) {
    Spare(pod);
    co_return Ok();
  }
  const MonotonicTime now = world_.clock.MonotonicNow();
  const MonotonicTime since = tainted_since_.try_emplace(pod->metadata().uid(), now).first->second;
  if (now - since < *tolerated) {
    queue_.AddAfter(key, since + *tolerated - now);
    co_return Ok();
  }
  recorder_.Event(*pod, "Normal", "TaintManagerEviction", "Marking for deletion Pod " + key);
  Disruption why{.reason = "DeletionByTaintManager",
                 .message = "Taint manager: deleting due to NoExecute taint"};
  CO_TRY_STATUS(co_await DisruptPod(world_, client_, pod, std::move(why)));
  tainted_since_.erase(pod->metadata().uid());
  co_return Ok();
}

}  // namespace wherry::controllers::nodelifecycle
