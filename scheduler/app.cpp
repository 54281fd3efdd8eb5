#include "scheduler/app.h"

#include "lib/api/kind_registry.h"
#include "lib/api/same_labels.h"
#include "lib/client/event_recorder.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/metrics.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "scheduler/cache/cache.h"
#include "scheduler/cycle/schedule.h"
#include "scheduler/evict.h"
#include "scheduler/preemption/preempt.h"
#include "scheduler/queue/scheduling_queue.h"
#include "scheduler/report.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

namespace wherry::scheduler {
namespace {

namespace core = api::core::v1;
using framework::PodInfo;
using framework::PodInfoPtr;

constexpr telemetry::Logger kLog("scheduler");

bool HasEnded(const core::Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

// Maps in the same order each time: equal messages give equal bytes.
std::string Bytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// What scheduling depends on has changed; status and resourceVersion alone do not count.
bool ChangedForScheduling(const core::Pod& before, const core::Pod& after) {
  return before.metadata().deletiontimestamp().seconds() !=
             after.metadata().deletiontimestamp().seconds() ||
         !api::SameLabels(before.metadata().labels(), after.metadata().labels()) ||
         Bytes(before.spec()) != Bytes(after.spec());
}

// A change of a node that may make room; heartbeats do not.
bool MayMakeRoom(const core::Node* before, const core::Node& after) {
  if (before == nullptr) return true;
  auto same_allocatable = [&] {
    const auto& old_amounts = before->status().allocatable();
    const auto& amounts = after.status().allocatable();
    return old_amounts.size() == amounts.size() &&
           std::all_of(amounts.begin(), amounts.end(), [&](const auto& amount) {
             auto old = old_amounts.find(amount.first);
             return old != old_amounts.end() && old->second.string() == amount.second.string();
           });
  };
  return Bytes(before->spec()) != Bytes(after.spec()) ||
         !api::SameLabels(before->metadata().labels(), after.metadata().labels()) ||
         !same_allocatable();
}

// upstream's metric name
telemetry::Counter AttemptCounter(const char* result) {
  return telemetry::DefaultRegistry().CounterAt(
      "scheduler_schedule_attempts_total", "Number of attempts to schedule pods, by the result",
      {{"result", result}, {"profile", "default-scheduler"}});
}

}  // namespace

struct App::Impl {
  Impl(World& the_world, client::ApiClient& the_client, Options the_options)
      : world(the_world),
        client(the_client),
        options(std::move(the_options)),
        recorder(world, client, options.scheduler_name),
        reporter(world, client, recorder),
        nodes(world, client, api::KindOf<core::Node>()),
        pods(world, client, api::KindOf<core::Pod>()),
        namespaces(world, client, api::KindOf<core::Namespace>()),
        budgets(world, client, api::KindOf<api::policy::v1::PodDisruptionBudget>()),
        queue(world),
        plugins(cycle::DefaultPlugins(cache.indexes())),
        scope(world.loop) {}

  void Start() {
    nodes.AddHandlers(
        {.on_change =
             [this](const client::MessagePtr& before, const client::MessagePtr& after) {
               OnNode(std::static_pointer_cast<const core::Node>(before),
                      std::static_pointer_cast<const core::Node>(after));
             },
         .on_delete =
             [this](const client::MessagePtr& node) {
               cache.RemoveNode(static_cast<const core::Node&>(*node).metadata().name());
               queue.MoveForPod(nullptr);
             }});
    pods.AddHandlers(
        {.on_change =
             [this](const client::MessagePtr& before, const client::MessagePtr& after) {
               OnPod(std::static_pointer_cast<const core::Pod>(before),
                     std::static_pointer_cast<const core::Pod>(after));
             },
         .on_delete =
             [this](const client::MessagePtr& pod) {
               OnPodGone(static_cast<const core::Pod&>(*pod));
             }});
    namespaces.AddHandlers({.on_change =
                                [this](const client::MessagePtr&, const client::MessagePtr& after) {
                                  OnNamespace(static_cast<const core::Namespace&>(*after));
                                },
                            .on_delete =
                                [this](const client::MessagePtr& gone) {
                                  cache.SetNamespace(
                                      static_cast<const core::Namespace&>(*gone).metadata().name(),
                                      nullptr);
                                }});
    nodes.Start();
    pods.Start();
    namespaces.Start();
    budgets.Start();
    scope.Spawn("schedule pods", ScheduleForever());
  }

  void OnNode(const std::shared_ptr<const core::Node>& before,
              const std::shared_ptr<const core::Node>& after) {
    cache.SetNode(after);
    if (MayMakeRoom(before.get(), *after)) queue.MoveAllToActive();
  }

  void OnNamespace(const core::Namespace& object) {
    const auto& labels = object.metadata().labels();
    const api::LabelMap map(labels.begin(), labels.end());
    cache.SetNamespace(object.metadata().name(), &map);
    queue.MoveForPod(nullptr);
  }

  void OnPod(const framework::PodPtr& before, const framework::PodPtr& after) {
    if (HasEnded(*after)) {
      OnPodGone(*after);
      return;
    }
    if (!after->spec().nodename().empty()) {
      queue.Remove(after->metadata().uid());
      reporter.Drop(after->metadata().uid());
      auto placed = std::make_shared<const PodInfo>(after);
      cache.SetPod(placed);
      // Labels that go may help as well as labels that come.
      if (before != nullptr && !before->spec().nodename().empty()) {
        if (!api::SameLabels(before->metadata().labels(), after->metadata().labels()))
          queue.MoveForPod(nullptr);
      } else {
        queue.MoveForPod(placed.get());
      }
      return;
    }
    if (after->spec().schedulername() != options.scheduler_name) return;
    if (after->metadata().has_deletiontimestamp()) {
      queue.Remove(after->metadata().uid());
      cache.Unnominate(after->metadata().uid());
      return;
    }
    if (!after->spec().schedulinggates().empty()) return;
    if (before == nullptr || ChangedForScheduling(*before, *after)) {
      auto info = std::make_shared<const PodInfo>(after);
      const std::string& nominated = after->status().nominatednodename();
      if (!nominated.empty()) cache.Nominate(info, nominated);
      queue.Add(std::move(info));
    } else {
      queue.Update(std::make_shared<const PodInfo>(after));
    }
  }

  void OnPodGone(const core::Pod& pod) {
    queue.Remove(pod.metadata().uid());
    reporter.Drop(pod.metadata().uid());
    cache.Unnominate(pod.metadata().uid());
    if (cache.RemovePod(pod.metadata().uid())) queue.MoveAllToActive();
  }

  Task<void> ScheduleForever() {
    co_await nodes.WaitForSync();
    co_await pods.WaitForSync();
    co_await namespaces.WaitForSync();
    co_await budgets.WaitForSync();
    while (true) {
      PodInfoPtr pod = co_await queue.Pop();
      auto scheduling = ScheduleOne(std::move(pod));
      co_await std::move(scheduling);
      // The loop serves others too: however many pods wait, it is held for one at a time.
      co_await Yield(world.loop);
    }
  }

  // Decides at once, only the search for pods to preempt takes turns with others; the answer of the
  // API server is waited for beside the next decision.
  Task<void> ScheduleOne(PodInfoPtr pod) {
    const std::string uid = pod->pod->metadata().uid();
    if (cache.IsAssumed(uid)) co_return;
    const auto decision =
        cycle::Schedule(plugins, *pod, cache.Nodes(), next_start, world.random.Next());
    if (!decision.scheduled) {
      attempts_unschedulable.Increment();
      auto preempting = Preempt(pod);
      const std::string why_not = co_await std::move(preempting);
      std::string message = decision.fit_error.Message();
      // As upstream's, with two full stops.
      if (!why_not.empty()) message += " preemption: " + why_not + ".";
      if (queue.IsBeingTried(uid)) reporter.Unschedulable(pod, std::move(message));
      queue.AddUnschedulable(std::move(pod), false);
      co_return;
    }
    reporter.Drop(uid);
    cache.Assume(pod, decision.placement.node_name);
    scope.Spawn("bind", Bind(std::move(pod), decision.placement.node_name));
  }

  // Lets pods of lower priority go, so that this one finds room when it is tried next. Says why not
  // when none do.
  Task<std::string> Preempt(PodInfoPtr pod) {
    if (cache.Nodes().empty()) co_return "";
    std::string why_not = preemption::WhyNotEligible(*pod, cache);
    if (!why_not.empty()) co_return why_not;
    const client::Lister<api::policy::v1::PodDisruptionBudget> lister(budgets);
    auto finding = preemption::FindCandidate(world.loop, plugins, pod, cache, lister.List(),
                                             world.random.Next());
    auto [candidate, fit_error] = co_await std::move(finding);
    if (!candidate) co_return fit_error.Message();
    // Meanwhile it may have gone, or have become another that is tried next.
    if (!queue.IsBeingTried(pod->pod->metadata().uid())) co_return "";
    preemptions.Increment();
    kLog.Info("pods make room for one of higher priority",
              {{"pod", client::KeyOf(*pod->pod)},
               {"node", candidate->node_name},
               {"victims", candidate->victims.size()}});
    LetLowerNominationsGo(*pod, candidate->node_name);
    cache.Nominate(pod, candidate->node_name);
    scope.Spawn("evict", Evict(world, client, recorder, pod, std::move(*candidate)));
    co_return "";
  }

  // Pods of lower priority that wait for the same node may not fit there any more.
  void LetLowerNominationsGo(const PodInfo& pod, const std::string& node_name) {
    for (const framework::NodeInfo* node : cache.Nodes()) {
      if (node->name() != node_name) continue;
      for (const PodInfoPtr& other : std::vector(node->nominated())) {
        if (other->pod->spec().priority() >= pod.pod->spec().priority()) continue;
        cache.Unnominate(other->pod->metadata().uid());
        scope.Spawn("clear nomination", ClearNomination(client, other));
      }
    }
  }

  Task<void> Bind(PodInfoPtr pod, std::string node_name) {
    const auto& metadata = pod->pod->metadata();
    auto binding = std::make_shared<core::Binding>();
    binding->mutable_metadata()->set_name(metadata.name());
    binding->mutable_metadata()->set_namespace_(metadata.namespace_());
    binding->mutable_metadata()->set_uid(metadata.uid());
    binding->mutable_target()->set_kind("Node");
    binding->mutable_target()->set_name(node_name);
    auto bound = co_await client.CreateSubresource(api::KindOf<core::Pod>(), metadata.namespace_(),
                                                   metadata.name(), "binding", std::move(binding));
    const std::string key = client::KeyOf(*pod->pod);
    if (bound.ok()) {
      attempts_scheduled.Increment();
      recorder.Event(*pod->pod, "Normal", "Scheduled",
                     "Successfully assigned " + key + " to " + node_name);
      co_return;
    }
    attempts_error.Increment();
    cache.Forget(metadata.uid());
    const Reason reason = bound.error().reason;
    if (reason != Reason::kNotFound && reason != Reason::kConflict) {
      kLog.Warn("binding failed, the pod is tried again",
                {{"pod", key}, {"node", node_name}, {"error", bound.error().message}});
    }
    // The room it held is free again, and it may itself still need a node.
    queue.AddUnschedulable(pod, true);
    queue.MoveAllToActive();
  }

  World& world;
  client::ApiClient& client;
  Options options;
  client::EventRecorder recorder;
  Reporter reporter;
  client::Informer nodes;
  client::Informer pods;
  client::Informer namespaces;
  client::Informer budgets;
  cache::Cache cache;
  queue::SchedulingQueue queue;
  framework::Plugins plugins;
  size_t next_start = 0;
  telemetry::Counter attempts_scheduled = AttemptCounter("scheduled");
  telemetry::Counter attempts_unschedulable = AttemptCounter("unschedulable");
  telemetry::Counter attempts_error = AttemptCounter("error");
  telemetry::Counter preemptions = telemetry::DefaultRegistry().CounterAt(
      "scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now");
  TaskScope scope;  // last: its tasks use everything above
};

App::App(World& world, client::ApiClient& client, Options options)
    : impl_(std::make_unique<Impl>(world, client, std::move(options))) {}
App::~App() = default;
void App::Start() { impl_->Start(); }
bool App::HasSynced() const { return impl_->nodes.HasSynced() && impl_->pods.HasSynced(); }

}  // namespace wherry::scheduler
