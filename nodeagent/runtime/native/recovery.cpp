#include "lib/telemetry/log.h"
#include "nodeagent/runtime/native/implementation.h"

namespace wherry::nodeagent::runtime::native {
namespace {

const telemetry::Logger kLog("runtime");

constexpr auto kReconnectTimeout = std::chrono::seconds(5);

}  // namespace

Task<Result<std::vector<SandboxStatus>>> Implementation::Recover() {
  auto job = [resources = resources_] { return resources->RecoverPods(); };
  CO_TRY(auto recovered, co_await Run(std::move(job)));
  std::vector<SandboxStatus> statuses;
  for (PodResources::RecoveredPod& pod : recovered) {
    PodUid uid = pod.record.config.uid;
    co_await Adopt(std::move(pod));
    const PodPtr& adopted = pods_[uid];
    statuses.push_back(adopted->Status());
    for (const ContainerStatus& status : statuses.back().containers) {
      if (status.state == ContainerState::kExited) {
        Tell(adopted, status, adopted->state != SandboxState::kReady);
      }
    }
  }
  co_return statuses;
}

Task<void> Implementation::Adopt(PodResources::RecoveredPod recovered) {
  auto pod = std::make_shared<NativePod>(loop_, std::move(recovered.record));
  pods_[pod->record.config.uid] = pod;
  for (const CreatedRecord& created : recovered.containers) {
    pod->containers.push_back({.created = created, .status = StatusOf(created)});
  }
  bool alive = false;
  if (recovered.connection.valid()) {
    pod->supervisor = std::move(recovered.supervisor);
    Converse(pod, std::move(recovered.connection));
    auto snapshot = co_await WithTimeout(loop_, kReconnectTimeout, pod->ReadSnapshot());
    if (snapshot.ok()) {
      alive = true;
      pod->supervisor_pid = snapshot->pid;
      for (const init::ContainerRecord& record : snapshot->containers) pod->Apply(record);
    }
  }
  for (const auto& exit : recovered.exits) {
    if (exit) pod->Apply(*exit);
  }
  if (alive) {
    pod->state = SandboxState::kReady;
    for (NativePod::Container& container : pod->containers) {
      const bool earlier = container.status.created_at < pod->record.created_at;
      if (earlier && container.status.state == ContainerState::kCreated)
        MarkLost(container.status, pod->record.created_at, "the sandbox before this one has ended");
    }
    // Recorded but never started: the agent died in between.
    std::erase_if(pod->containers, [](const NativePod::Container& container) {
      return container.status.state == ContainerState::kCreated;
    });
    co_return;
  }
  pod->Disconnect();
  MarkDead(pod, "the pod's supervisor has gone");
  co_await KillSupervisor(pod);
  auto released = co_await Release(pod);
  // The pod's worker tries again (StopPodSandbox); the others do not wait for it.
  if (!released.ok()) {
    kLog.Warn("a dead pod's sandbox is not released yet",
              {{"uid", pod->record.config.uid}, {"error", released.error().message}});
  }
}

}  // namespace wherry::nodeagent::runtime::native
