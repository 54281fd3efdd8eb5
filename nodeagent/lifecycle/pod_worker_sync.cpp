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
    auto stopping = StopContainer(kill.name, kill.message, grace);
    co_await std::move(stopping);
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

// True when containers can be started.
Task<bool> PodWorker::PrepareSandbox(const PodActions& actions) {
  const std::string uid = pod_->metadata().uid();
  Status sandbox = Ok();
  Status volumes = Ok();
  if (actions.create_sandbox) {
    if (!pod_->spec().hostnetwork() && !context_.network_ready()) {
      Event("Warning", "NetworkNotReady", "network is not ready: the node has no pod CIDR yet");
      RetryAfter("network");
      co_return false;
    }
    if (context_.runtime.PodSandboxStatus(uid).ok()) {
      Event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
      auto stopped = co_await context_.runtime.StopPodSandbox(uid);
      if (stopped.ok()) stopped = co_await context_.runtime.RemovePodSandbox(uid);
      if (!stopped.ok()) {
        Event("Warning", "FailedKillPod", "error killing pod: " + stopped.error().message);
        RetryAfter("sandbox");
        co_return false;
      }
    }
    // Mounts are taken from this process' namespace when a container starts, so that volumes and
    // sandbox need not wait for each other.
    OneShot<Result<Unit>> made(context_.world.loop);
    TaskScope scope(context_.world.loop);
    scope.Spawn("pod sandbox", sync_internal::Deliver<Unit>(RunSandbox(), made));
    volumes = co_await PrepareVolumes();
    sandbox = co_await made.Wait();
  } else {
    volumes = co_await PrepareVolumes();
  }
  if (!sandbox.ok()) {
    Event("Warning", "FailedCreatePodSandBox",
          "Failed to create pod sandbox: " + sandbox.error().message);
    RetryAfter("sandbox");
  } else {
    retries_.erase("sandbox");
  }
  if (!volumes.ok()) {
    Event("Warning", "FailedMount", volumes.error().message);
    RetryAfter("volumes");
  } else {
    retries_.erase("volumes");
  }
  co_return sandbox.ok() && volumes.ok();
}

Task<Status> PodWorker::RunSandbox() {
  auto config = PlanSandbox(*pod_, context_.node);
  auto running = context_.runtime.RunPodSandbox(std::move(config));
  auto sandbox = co_await std::move(running);
  if (!sandbox.ok()) co_return std::move(sandbox).error();
  co_return Ok();
}

Task<Status> PodWorker::PrepareVolumes() {
  volumes::TokenManager& tokens = context_.objects.tokens();
  OneShot<Result<Unit>> fetched(context_.world.loop);
  TaskScope scope(context_.world.loop);
  scope.Spawn("service account tokens", sync_internal::Deliver<Unit>(tokens.Fetch(pod_), fetched));
  auto waiting = context_.objects.WaitForPod(pod_->metadata().uid());
  co_await std::move(waiting);
  auto status_of_tokens = co_await fetched.Wait();
  if (!status_of_tokens.ok())
    co_return std::move(status_of_tokens).error().Wrap("MountVolume.SetUp failed");
  if (auto due = tokens.RenewalDue(pod_->metadata().uid())) RetryAt(*due);
  auto syncing = volumes_.Sync(pod_, Downward(PodIps()));
  auto status = co_await std::move(syncing);
  co_return status;
}

}  // namespace wherry::nodeagent::lifecycle
