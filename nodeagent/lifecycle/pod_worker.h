#pragma once

#include "lib/client/event_recorder.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/backoff.h"
#include "nodeagent/lifecycle/expansion.h"
#include "nodeagent/lifecycle/image_manager.h"
#include "nodeagent/lifecycle/node_config.h"
#include "nodeagent/lifecycle/pod_actions.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/lifecycle/pod_status.h"
#include "nodeagent/lifecycle/status_manager.h"
#include "nodeagent/probes/pod_probes.h"
#include "nodeagent/runtime/runtime.h"
#include "nodeagent/volumes/object_cache.h"
#include "nodeagent/volumes/pod_volumes.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace wherry::api::core::v1 {
class LifecycleHandler;
}

namespace wherry::nodeagent::lifecycle {

// What all workers of a node share. Borrowed; outlives them.
struct WorkerContext {
  World& world;
  runtime::Runtime& runtime;
  ImageManager& images;
  client::EventRecorder& events;
  StatusManager& statuses;
  volumes::ObjectCache& objects;
  std::shared_ptr<volumes::MountCalls> mounts;
  probes::Prober& prober;
  const NodeConfig& node;
  // The service variables for a pod of this namespace.
  std::function<Environment(const std::string& ns, bool links)> services;
  // Pods with a network of their own may start.
  std::function<bool()> network_ready;
};

// One pod's life on this node: SyncPod until it ends or is deleted, then SyncTerminatingPod (kill
// what runs), then SyncTerminatedPod (give everything back), as upstream's pod workers do.
//
// One coroutine walks through these phases, so that the runtime sees one call at a time for this
// pod (stopping several containers at once is one call for this purpose). Changes (the API object,
// exits, probe results, referenced objects) only wake it; each also publishes the pod's status at
// once, computed from what the runtime knows. Nothing is polled. Loop thread.
class PodWorker {
 public:
  // `verdict`: the node refuses the pod, it only gets its final status.
  PodWorker(WorkerContext& context, std::shared_ptr<const Pod> pod,
            std::optional<PodVerdict> verdict);
  ~PodWorker();

  void Start();
  // The API object has changed.
  void PodChanged(std::shared_ptr<const Pod> pod);
  // The API object is gone: what still runs is stopped, then the worker is done.
  void PodGone();
  void ContainerEvent(const runtime::ContainerEvent& event);
  // Something the pod refers to has changed, or the network became ready.
  void Wake();
  // The pod is to fail at once, without a grace period. False when it is ending already.
  bool Evict(PodVerdict verdict);

  // Nothing of the pod is left on the node or in the API; the owner may drop the worker.
  bool done() const { return phase_ == Phase::kDone; }
  // Counts against the node's capacity. A place ends when the API says so, as for the scheduler,
  // which gives it away at once: with the object (force deletion does not wait for the node), or
  // with a final phase. What still runs then ends within seconds; a refusal would last.
  bool active() const;
  const Pod& pod() const { return *pod_; }
  std::shared_ptr<const Pod> shared_pod() const { return pod_; }
  // Called in a later turn once done() holds.
  void OnDone(std::function<void()> callback) { on_done_ = std::move(callback); }

 private:
  enum class Phase { kSyncing, kTerminating, kTerminated, kFinished, kDone };

  Task<void> Run();
  Task<void> WaitForWork();
  bool MustTerminate();
  // What `work` gives, or nothing when the pod is to terminate before that: `work` is then
  // cancelled. For waits that may last and leave nothing behind; calls that make something (a
  // sandbox, a container, mounts) are awaited to their end, so that it can be taken away.
  template <typename T>
  Task<std::optional<T>> UntilEnding(Task<T> work) {
    OneShot<std::optional<T>> first(context_.world.loop);
    TaskScope scope(context_.world.loop);
    auto run = [](Task<T> task, OneShot<std::optional<T>> shot) -> Task<void> {
      auto value = co_await std::move(task);
      shot.Set(std::move(value));
    };
    auto watch = [](PodWorker& worker, OneShot<std::optional<T>> shot) -> Task<void> {
      while (!worker.MustTerminate()) co_await worker.ending_.Wait();
      shot.Set(std::nullopt);
    };
    scope.Spawn("interruptible work", run(std::move(work), first));
    scope.Spawn("pod end watch", watch(*this, first));
    auto waiting = first.Wait();
    auto value = co_await std::move(waiting);
    co_return value;
  }
  // How long its containers may take to end.
  std::chrono::seconds Grace() const;

  // pod_worker_sync.cpp
  Task<void> SyncPod();
  Task<bool> PrepareSandbox(const PodActions& actions);
  Task<Status> RunSandbox();
  Task<Status> EndOldSandbox();
  Task<Status> PrepareVolumes();
  Task<Status> FetchForVolumes();
  bool StepSucceeded(const std::string& step, const Status& status, const char* reason,
                     const std::string& doing);
  // pod_worker_start.cpp
  Task<bool> StartContainer(std::string name);
  Task<Result<runtime::ContainerConfig>> ConfigFor(std::string name, int32_t attempt,
                                                   images::Image image);
  Task<bool> RunPostStart(std::string name);
  Task<void> ForgetOldAttempts(std::string name, int32_t newest);
  // pod_worker_stop.cpp
  Task<void> SyncTerminatingPod();
  Task<bool> SyncTerminatedPod();
  Task<void> RemoveFromNode();
  Task<void> StopContainer(std::string name, std::string message, std::chrono::seconds grace);
  Task<void> StopAll(std::chrono::seconds grace);
  Task<void> RunPreStop(std::string name, std::chrono::seconds grace);
  Task<Status> RunHook(std::string container, const api::core::v1::LifecycleHandler* handler,
                       std::chrono::nanoseconds timeout);

  // The runtime's view with what only this worker knows: messages, ends not told yet, hooks.
  std::optional<runtime::SandboxStatus> View() const;
  void PublishStatus();
  Task<void> ReadLastWords(runtime::ContainerStatus status);
  void Fail(const std::string& container, StartFailure failure);
  void RetryAt(WallTime time);
  void RetryAfter(const std::string& what);
  void Event(const char* type, const std::string& reason, const std::string& message,
             const std::string& container = "");
  volumes::DownwardContext Downward(const std::vector<std::string>& pod_ips) const;
  std::vector<std::string> PodIps() const;

  WorkerContext& context_;
  std::shared_ptr<const Pod> pod_;
  std::unique_ptr<PodStatus> status_;  // as last published
  Phase phase_ = Phase::kSyncing;
  std::optional<PodVerdict> verdict_;
  bool refused_ = false;
  bool evicted_ = false;
  bool gone_ = false;
  bool finished_ = false;
  bool complete_ = false;
  bool dirty_ = true;
  std::optional<MonotonicTime> wake_at_;
  Notifier wake_;
  Notifier ending_;  // the pod is to terminate, or is to do so sooner

  std::map<std::string, StartFailure> failures_;   // by container
  std::map<std::string, WallTime> told_back_off_;  // by container: the due time told in an event
  BackOff restarts_{std::chrono::seconds(10), std::chrono::seconds(300)};
  std::map<std::string, int> retries_;           // by step
  std::map<std::string, std::string> images_;    // reference by container id
  std::map<std::string, std::string> messages_;  // termination messages by container id
  std::set<std::string> last_words_pending_;     // container ids
  std::set<std::string> post_start_pending_;     // container names
  std::set<std::string> probe_seeded_;
  volumes::PodVolumes volumes_;
  probes::PodProbes probes_;
  std::function<void()> on_done_;
  TaskScope tasks_;  // last: its tasks use everything above
};

}  // namespace wherry::nodeagent::lifecycle
