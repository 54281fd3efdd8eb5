#include "nodeagent/runtime/native/implementation.h"

namespace wherry::nodeagent::runtime::native {
namespace {

constexpr auto kSandboxTimeout = std::chrono::seconds(30);
constexpr auto kShutDownTimeout = std::chrono::seconds(10);

}  // namespace

Task<Result<init::Snapshot>> Implementation::BeginSandbox(PodPtr pod,
                                                          PodResources::PreparedSandbox prepared) {
  Converse(pod, std::move(prepared.connection));
  auto start = launcher_.StartSupervisor(std::move(prepared.request), std::move(prepared.fds));
  CO_TRY(LauncherClient::Supervisor started,
         co_await WithTimeout(loop_, kSandboxTimeout, std::move(start)));
  pod->supervisor_pid = started.pid;
  pod->supervisor = std::move(started.pidfd);
  auto snapshot = co_await WithTimeout(loop_, kSandboxTimeout, pod->ReadSnapshot());
  if (snapshot.ok() && !snapshot->error.empty()) {
    co_return MakeError(Reason::kInternalError, snapshot->error);
  }
  co_return snapshot;
}

Task<Result<SandboxStatus>> Implementation::RunPodSandbox(SandboxConfig config) {
  PodUid uid = config.uid;
  auto existing = pods_.find(uid);
  if (existing != pods_.end() && existing->second->state == SandboxState::kReady) {
    co_return existing->second->Status();
  }
  co_await WaitForRelease(uid);
  auto job = [resources = resources_, config, now = world_.clock.Now()] {
    return resources->PrepareSandbox(config, now);
  };
  CO_TRY(PodResources::PreparedSandbox prepared, co_await Run(std::move(job)));
  auto pod = std::make_shared<NativePod>(loop_, prepared.record);
  // A sandbox made anew for the same pod keeps the records of its dead containers.
  if (auto old = pods_.find(uid); old != pods_.end()) pod->containers = old->second->containers;
  auto begin = BeginSandbox(pod, std::move(prepared));
  auto begun = co_await std::move(begin);
  if (!begun.ok()) {
    pod->Disconnect();
    co_await KillSupervisor(pod);
    auto released = co_await Release(pod);
    Ignore(released, "the first error counts");
    if (!pods_.contains(uid)) {
      auto remove = [resources = resources_, uid] { return resources->RemovePod(uid); };
      auto removed = co_await Run(std::move(remove));
      Ignore(removed, "the first error counts");
    }
    co_return std::move(begun).error().Wrap("run pod sandbox '" + uid + "'");
  }
  pod->state = SandboxState::kReady;
  pods_[uid] = pod;
  co_return pod->Status();
}

Task<Status> Implementation::StopPodSandbox(PodUid uid) {
  auto found = pods_.find(uid);
  if (found == pods_.end()) co_return Ok();
  PodPtr pod = found->second;
  if (pod->state == SandboxState::kReady) {
    pod->state = SandboxState::kNotReady;  // its end is expected from here on
    auto done = co_await WithTimeout(loop_, kShutDownTimeout, pod->ShutDown());
    pod->Disconnect();
    if (!done.ok()) co_await KillSupervisor(pod);
    MarkDead(pod, "the pod's sandbox was stopped");
  }
  auto released = co_await Release(pod);
  co_return released;
}

Task<Status> Implementation::RemovePodSandbox(PodUid uid) {
  CO_TRY_STATUS(co_await StopPodSandbox(uid));
  auto job = [resources = resources_, uid] { return resources->RemovePod(uid); };
  CO_TRY_STATUS(co_await Run(std::move(job)));
  pods_.erase(uid);
  co_return Ok();
}

Result<SandboxStatus> Implementation::PodSandboxStatus(const PodUid& uid) const {
  TRY(PodPtr pod, FindPod(uid));
  return pod->Status();
}

}  // namespace wherry::nodeagent::runtime::native
