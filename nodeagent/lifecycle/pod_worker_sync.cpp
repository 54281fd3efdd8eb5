#include "lib/loop/with_timeout.h"
#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/lifecycle/pod_worker.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::nodeagent::lifecycle {

Task<void> PodWorker::SyncPod() {
  PublishStatus();
  std::optional<runtime::SandboxStatus> view = View();
  PodActions actions =
      ComputePodActions(*pod_, view ? &*view : nullptr, probes_.results(), images_);
  for (const auto& kill : actions.kills) {
    const Container* container = FindContainer(*pod_, kill.name);
    std::chrono::seconds grace = GracePeriod(*pod_);
    const auto& probe =
        kill.failed_liveness ? container->livenessprobe() : container->startupprobe();
    if ((kill.failed_liveness || kill.failed_startup) && probe.has_terminationgraceperiodseconds())
      grace = std::chrono::seconds(probe.terminationgraceperiodseconds());
    auto stop = [](PodWorker& worker, ContainerToKill what,
                   std::chrono::seconds limit) -> Task<bool> {
      co_await worker.StopContainer(what.name, what.message, limit);
      co_return true;
    };
    // The pod's own end takes over, with its own grace period.
    auto stopping = UntilEnding(stop(*this, kill, grace));
    const auto stopped = co_await std::move(stopping);
    if (!stopped) co_return;
  }
  if (actions.kill_pod) {
    complete_ = true;
    co_return;
  }
  auto preparing = PrepareSandbox(actions);
  const bool ready = co_await std::move(preparing);
  if (!ready || MustTerminate()) co_return;
  if (actions.init_container) {
    auto starting = StartContainer(*actions.init_container);
    co_await std::move(starting);
  }
  for (const auto& name : actions.containers) {
    if (MustTerminate()) co_return;
    auto starting = StartContainer(name);
    co_await std::move(starting);
  }
}

// True when containers can be started. In upstream's order: nothing is made for a pod whose volumes
// cannot be mounted. Source: kubelet.go SyncPod.
Task<bool> PodWorker::PrepareSandbox(const PodActions& actions) {
  if (actions.create_sandbox && !pod_->spec().hostnetwork() && !context_.network_ready()) {
    Event("Warning", "NetworkNotReady", "network is not ready: the node has no pod CIDR yet");
    RetryAfter("network");
    co_return false;
  }
  auto preparing = PrepareVolumes();
  const Status volumes = co_await std::move(preparing);
  if (MustTerminate()) co_return false;
  if (!StepSucceeded("volumes", volumes, "FailedMount", "")) co_return false;
  if (!actions.create_sandbox) co_return true;
  if (context_.runtime.PodSandboxStatus(pod_->metadata().uid()).ok()) {
    Event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
    auto ending = EndOldSandbox();
    const Status ended = co_await std::move(ending);
    if (!StepSucceeded("old sandbox", ended, "FailedKillPod", "error killing pod: "))
      co_return false;
  }
  auto running = RunSandbox();
  const Status sandbox = co_await std::move(running);
  co_return StepSucceeded("sandbox", sandbox, "FailedCreatePodSandBox",
                          "Failed to create pod sandbox: ");
}

bool PodWorker::StepSucceeded(const std::string& step, const Status& status, const char* reason,
                              const std::string& doing) {
  if (status.ok()) {
    retries_.erase(step);
    return true;
  }
  Event("Warning", reason, doing + status.error().message);
  RetryAfter(step);
  return false;
}

// Its containers' records stay: back-off and `logs --previous` go by them. Those of init containers
// go, since all of them run again.
Task<Status> PodWorker::EndOldSandbox() {
  const std::string uid = pod_->metadata().uid();
  auto stopping = context_.runtime.StopPodSandbox(uid);
  CO_TRY_STATUS(co_await std::move(stopping));
  const auto view = View();
  if (!view) co_return Ok();
  for (const auto& status : view->containers) {
    if (!FindInitContainer(*pod_, status.name)) continue;
    auto removing = context_.runtime.RemoveContainer(uid, status.name, status.attempt);
    CO_TRY_STATUS(co_await std::move(removing));
    messages_.erase(status.id);
    images_.erase(status.id);
  }
  co_return Ok();
}

Task<Status> PodWorker::RunSandbox() {
  auto config = PlanSandbox(*pod_, context_.node);
  auto running = context_.runtime.RunPodSandbox(std::move(config));
  auto sandbox = co_await std::move(running);
  if (!sandbox.ok()) co_return std::move(sandbox).error();
  co_return Ok();
}

Task<Status> PodWorker::PrepareVolumes() {
  auto fetching = UntilEnding(FetchForVolumes());
  auto fetched = co_await std::move(fetching);
  if (!fetched) co_return Ok();  // the caller looks whether the pod is to terminate
  CO_TRY_STATUS(std::move(*fetched));
  if (auto due = context_.objects.tokens().RenewalDue(pod_->metadata().uid())) RetryAt(*due);
  auto syncing = volumes_.Sync(pod_, Downward(PodIps()));
  auto status = co_await std::move(syncing);
  co_return status;
}

// What the API server has to give for the volumes.
Task<Status> PodWorker::FetchForVolumes() {
  volumes::TokenManager& tokens = context_.objects.tokens();
  OneShot<Result<Unit>> fetched(context_.world.loop);
  TaskScope scope(context_.world.loop);
  scope.Spawn("service account tokens", sync_internal::Deliver<Unit>(tokens.Fetch(pod_), fetched));
  auto waiting = context_.objects.WaitForPod(pod_->metadata().uid());
  co_await std::move(waiting);
  auto status = co_await fetched.Wait();
  if (!status.ok()) co_return std::move(status).error().Wrap("MountVolume.SetUp failed");
  co_return Ok();
}

}  // namespace wherry::nodeagent::lifecycle
