#include "scheduler/app.h"

#include "lib/api/kind_registry.h"
#include "lib/client/event_recorder.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/metrics.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "scheduler/bind.h"
#include "scheduler/cache/cache.h"
#include "scheduler/cycle/schedule.h"
#include "scheduler/events.h"
#include "scheduler/evict.h"
#include "scheduler/preemption/preempt.h"
#include "scheduler/queue/scheduling_queue.h"
#include "scheduler/report.h"

namespace wherry::scheduler {
namespace {

namespace core = api::core::v1;
using framework::PodInfo;
using framework::PodInfoPtr;

constexpr telemetry::Logger kLog("scheduler");

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
        events(cache, queue, reporter, options.scheduler_name),
        plugins(cycle::DefaultPlugins(cache.indexes())),
        scope(world.loop) {}

  void Start() {
    events.FollowNodes(nodes);
    events.FollowPods(pods);
    events.FollowNamespaces(namespaces);
    nodes.Start();
    pods.Start();
    namespaces.Start();
    budgets.Start();
    scope.Spawn("schedule pods", ScheduleForever());
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
    auto binding = BindPod(client, pod, node_name);
    const Status bound = co_await std::move(binding);
    const std::string key = client::KeyOf(*pod->pod);
    if (bound.ok()) {
      attempts_scheduled.Increment();
      recorder.Event(*pod->pod, "Normal", "Scheduled",
                     "Successfully assigned " + key + " to " + node_name);
      co_return;
    }
    attempts_error.Increment();
    cache.Forget(pod->pod->metadata().uid());
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
  Events events;
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
