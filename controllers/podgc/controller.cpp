#include "controllers/podgc/controller.h"

#include "controllers/objects/pod_disruption.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::podgc {
namespace {

constexpr int kWorkers = 8;

std::pair<int64_t, std::string> AgeOf(const corev1::Pod& pod) {
  return {pod.metadata().creationtimestamp().seconds(), client::KeyOf(pod)};
}

}  // namespace

Controller::Controller(Context context, Options options)
    : world_(context.world),
      client_(context.client),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      options_(options),
      queue_(world_, "pod_gc") {
  pods_.AddHandlers({
      .on_change = [this](const auto&, const auto& pod) { OnPod(*As<corev1::Pod>(pod)); },
      .on_delete = [this](const auto& pod) { terminated_.erase(AgeOf(*As<corev1::Pod>(pod))); },
  });
  nodes_.AddHandlers({
      .on_change = [this](const auto&,
                          const auto& node) { missing_since_.erase(api::MetaOf(*node).name()); },
      .on_delete =
          [this](const auto& node) {
            for (const auto& pod : pods_.ByIndex(kByNode, api::MetaOf(*node).name()))
              queue_.Add(client::KeyOf(*pod));
          },
  });
}

void Controller::Start(TaskScope& scope) { scope.Spawn("pod garbage collector", Run(scope)); }

Task<void> Controller::Run(TaskScope& scope) {
  co_await WaitForSync({&pods_, &nodes_});
  TrimTerminated();
  queue_.Run(scope, kWorkers, [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::OnPod(const corev1::Pod& pod) {
  if (IsPodTerminal(pod) && terminated_.insert(AgeOf(pod)).second && pods_.HasSynced())
    TrimTerminated();
  const std::string& node = pod.spec().nodename();
  const bool never_ran = node.empty() && IsBeingDeleted(pod.metadata());
  const bool lost = !node.empty() && nodes_.HasSynced() && nodes_.Get(node) == nullptr;
  // Until nodes are known, every pod is looked at later.
  if (never_ran || lost || (!node.empty() && !nodes_.HasSynced())) queue_.Add(client::KeyOf(pod));
}

void Controller::TrimTerminated() {
  if (options_.terminated_max == 0 || terminated_.size() <= options_.terminated_max) return;
  size_t surplus = terminated_.size() - options_.terminated_max;
  for (const auto& [created, key] : terminated_) {
    if (surplus-- == 0) break;
    queue_.Add(key);
  }
}

Task<Status> Controller::Sync(std::string key) {
  const auto pod = As<corev1::Pod>(pods_.Get(key));
  if (!pod) co_return Ok();
  const std::string& node = pod->spec().nodename();
  if (node.empty() && IsBeingDeleted(pod->metadata()))
    co_return co_await DisruptPod(world_, client_, pod, {.force = true});
  if (!node.empty() && nodes_.Get(node) == nullptr) co_return co_await SyncOrphan(pod);
  const bool surplus = options_.terminated_max > 0 &&
                       terminated_.size() > options_.terminated_max && IsPodTerminal(*pod);
  if (surplus) co_return co_await DisruptPod(world_, client_, pod, {.force = true});
  co_return Ok();
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
