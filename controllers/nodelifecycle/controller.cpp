#include "controllers/nodelifecycle/controller.h"

#include "controllers/objects/pod_disruption.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/worker.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/coordination/v1.pb.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::nodelifecycle {
namespace {

constexpr int kWorkers = 8;
constexpr char kLeaseNamespace[] = "kube-node-lease";

// Changes with every heartbeat that travels in the node's status.
std::string Heartbeat(const corev1::Node& node) {
  for (const auto& condition : node.status().conditions()) {
    if (condition.type() == "Ready")
      return condition.status() + std::to_string(condition.lastheartbeattime().seconds());
  }
  return "";
}

std::string TaintsPatch(const corev1::Node& node, const std::vector<corev1::Taint>& taints) {
  std::string patch = R"({"metadata":{"resourceVersion":")" + node.metadata().resourceversion() +
                      R"("},"spec":{"taints":[)";
  for (size_t i = 0; i < taints.size(); ++i) {
    if (i > 0) patch += ',';
    patch += api::ToJson(taints[i]);
  }
  return patch + "]}}";
}

}  // namespace

Controller::Controller(Context context, Options options)
    : world_(context.world),
      client_(context.client),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      leases_(context.informers.For(api::KindOf<coordinationv1::Lease>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      options_(options),
      queue_(world_, "node_lifecycle"),
      recorder_(world_, client_, "node-controller") {
  nodes_.AddHandlers({
      .on_change = [this](const auto& before, const auto& object) { OnNode(before, object); },
      .on_delete =
          [this](const auto& object) {
            seen_.erase(api::MetaOf(*object).name());
            EnqueueNotReady();
          },
  });
  leases_.AddHandlers({
      .on_change = [this](const auto& before, const auto& object) { OnLease(before, object); },
      .on_delete = nullptr,
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&nodes_, &leases_, &pods_},
             [this](std::string name) { return Sync(std::move(name)); });
}

void Controller::OnNode(const client::MessagePtr& before, const client::MessagePtr& object) {
  const auto node = As<corev1::Node>(object);
  const std::string& name = node->metadata().name();
  const auto [it, first] = seen_.try_emplace(name);
  const std::string ready = ReadyStatus(*node);
  const bool beat = !before || Heartbeat(*As<corev1::Node>(before)) != Heartbeat(*node);
  // Our own "Unknown" is no sign of life.
  if (first || (beat && ready != "Unknown")) it->second.heartbeat = world_.clock.MonotonicNow();
  if (first) {
    it->second.ready = ready;
    recorder_.Event(*node, "Normal", "RegisteredNode",
                    "Node " + name + " event: Registered Node " + name + " in Controller");
  } else if (before && ReadyStatus(*As<corev1::Node>(before)) != ready) {
    EnqueueNotReady();  // the zone's health has changed
  }
  queue_.Add(name);
}

void Controller::OnLease(const client::MessagePtr& before, const client::MessagePtr& object) {
  const auto lease = As<coordinationv1::Lease>(object);
  if (lease->metadata().namespace_() != kLeaseNamespace || !before) return;
  const auto& old_time = As<coordinationv1::Lease>(before)->spec().renewtime();
  const auto& time = lease->spec().renewtime();
  if (old_time.seconds() == time.seconds() && old_time.nanos() == time.nanos()) return;
  const auto it = seen_.find(lease->metadata().name());
  if (it != seen_.end()) it->second.heartbeat = world_.clock.MonotonicNow();
}

void Controller::EnqueueNotReady() {
  for (const auto& node : nodes_.List()) {
    if (ReadyStatus(*As<corev1::Node>(node)) != "True") queue_.Add(api::MetaOf(*node).name());
  }
}

Task<Status> Controller::Sync(std::string name) {
  auto node = As<corev1::Node>(nodes_.Get(name));
  if (!node || IsBeingDeleted(node->metadata()) || !seen_.contains(name)) co_return Ok();
  const MonotonicTime now = world_.clock.MonotonicNow();
  const auto grace = ReadyStatus(*node).empty() ? options_.startup_grace : options_.monitor_grace;
  const MonotonicTime silent_at = seen_[name].heartbeat + grace;
  if (now < silent_at) {
    queue_.AddAfter(name, silent_at - now);
  } else if (const client::MessagePtr unknown = WithUnknownConditions(*node, world_.clock.Now())) {
    CO_TRY(const auto updated, co_await client_.UpdateStatus(unknown));
    node = As<corev1::Node>(updated);
  }
  const std::string ready = ReadyStatus(*node);
  const auto seen = seen_.find(name);
  if (seen == seen_.end()) co_return Ok();
  const bool lost = seen->second.ready == "True" && ready != "True";
  if (lost) {
    recorder_.Event(*node, "Normal", "NodeNotReady",
                    "Node " + name + " status is now: NodeNotReady");
    CO_TRY_STATUS(co_await MarkPodsNotReady(name));
  }
  if (const auto it = seen_.find(name); it != seen_.end()) it->second.ready = ready;
  co_return co_await ApplyTaints(node);
}

// Empties one node per interval and zone, and none while every zone looks lost.
TaintPolicy Controller::DecideEviction(const corev1::Node& node) {
  if (WantedNoExecute(node).empty()) return {};
  const auto nodes = client::Lister<corev1::Node>(nodes_).List();
  const Zones zones = CountZones(nodes);
  if (EveryZoneIsLost(zones)) return {.reprieve = true};
  if (IsBeingEvicted(node)) return {};
  const std::string zone = ZoneOf(node);
  const auto health = zones.find(zone);
  const auto interval = EvictionInterval(health == zones.end() ? ZoneHealth{} : health->second);
  if (!interval) return {};
  const MonotonicTime now = world_.clock.MonotonicNow();
  const auto next = next_eviction_.find(zone);
  if (next != next_eviction_.end() && now < next->second) {
    queue_.AddAfter(node.metadata().name(), next->second - now);
    return {};
  }
  next_eviction_[zone] = now + *interval;
  return {.evict = true};
}

Task<Status> Controller::ApplyTaints(NodePtr node) {
  const TaintPolicy policy = DecideEviction(*node);
  const auto taints = DesiredTaints(*node, policy, world_.clock.Now());
  if (SameTaints(*node, taints)) co_return Ok();
  auto patched = co_await client_.Patch(api::KindOf(*node), "", node->metadata().name(),
                                        client::PatchType::kMerge, TaintsPatch(*node, taints), "");
  if (!patched.ok() && patched.error().reason != Reason::kNotFound)
    co_return std::move(patched).error();
  co_return Ok();
}

// Services must stop sending to pods whose node says nothing any more.
Task<Status> Controller::MarkPodsNotReady(std::string node) {
  for (const auto& message : pods_.ByIndex(kByNode, node)) {
    const auto pod = As<corev1::Pod>(message);
    if (!IsPodReady(*pod)) continue;
    CO_TRY_STATUS(co_await PatchPodCondition(world_, client_, pod, "Ready", "False", {}));
    recorder_.Event(*pod, "Warning", "NodeNotReady", "Node is not ready");
  }
  co_return Ok();
}

}  // namespace wherry::controllers::nodelifecycle
