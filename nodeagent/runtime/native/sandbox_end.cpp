#include "lib/telemetry/log.h"
#include "nodeagent/runtime/native/implementation.h"

#include <csignal>

namespace wherry::nodeagent::runtime::native {
namespace {

const telemetry::Logger kLog("runtime");

constexpr auto kKillTimeout = std::chrono::seconds(30);
constexpr int kKilledExitCode = 137;

}  // namespace

void MarkLost(ContainerStatus& status, WallTime now, const std::string& message) {
  status.state = ContainerState::kExited;
  status.pid = 0;
  status.exit_code = kKilledExitCode;
  status.signal = SIGKILL;
  status.finished_at = now;
  status.reason = "ContainerStatusUnknown";
  status.message = message;
}

void Implementation::Tell(const PodPtr& pod, const ContainerStatus& status, bool sandbox_died) {
  if (!listener_) return;
  ContainerEvent event{
      .uid = pod->record.config.uid, .status = status, .sandbox_died = sandbox_died};
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), event = std::move(event)] {
    if (!alive.expired() && listener_) listener_(event);
  });
}

void Implementation::Converse(const PodPtr& pod, linux::Fd connection) {
  std::weak_ptr<NativePod> weak = pod;
  pod->Connect(
      std::move(connection),
      [this, weak](const init::ContainerRecord& record) {
        if (auto self = weak.lock()) OnExit(self, record);
      },
      [this, weak] {
        if (auto self = weak.lock()) OnSupervisorLost(self);
      });
}

void Implementation::OnExit(const PodPtr& pod, const init::ContainerRecord& record) {
  if (!pod->Apply(record)) return;
  Tell(pod, pod->Find(record.name, record.attempt)->status, false);
}

void Implementation::OnSupervisorLost(const PodPtr& pod) {
  if (pod->state != SandboxState::kReady) return;
  kLog.Warn("supervisor of a pod has gone", {{"uid", pod->record.config.uid}});
  MarkDead(pod, "the pod's supervisor has gone");
  scope_.Spawn("release a dead sandbox", ReleaseDead(pod));
}

void Implementation::MarkDead(const PodPtr& pod, const std::string& message) {
  pod->state = SandboxState::kNotReady;
  for (NativePod::Container& container : pod->containers) {
    if (container.status.state == ContainerState::kExited) continue;
    MarkLost(container.status, world_.clock.Now(), message);
    Tell(pod, container.status, true);
  }
  pod->changed.Notify();
}

Task<void> Implementation::ReleaseDead(PodPtr pod) {
  auto released = co_await Release(pod);
  if (!released.ok()) {
    kLog.Warn("a dead sandbox was not released",
              {{"uid", pod->record.config.uid}, {"error", released.error().message}});
  }
}

Task<Status> Implementation::Release(PodPtr pod) {
  PodUid uid = pod->record.config.uid;
  if (!releasing_.contains(uid)) {
    releasing_[uid] = pod;
    scope_.Spawn("release a sandbox", RunRelease(pod));
  }
  PodPtr released = releasing_[uid];
  co_await WaitForRelease(uid);
  co_return released->released;
}

Task<void> Implementation::RunRelease(PodPtr pod) {
  auto job = [resources = resources_, uid = pod->record.config.uid,
              path = pod->record.cgroup_path] { return resources->ReleaseSandbox(uid, path); };
  pod->released = co_await Run(std::move(job));
  releasing_.erase(pod->record.config.uid);
  pod->changed.Notify();
}

Task<void> Implementation::WaitForRelease(PodUid uid) {
  for (;;) {
    auto found = releasing_.find(uid);
    if (found == releasing_.end()) co_return;
    PodPtr pod = found->second;
    co_await pod->changed.Wait();
  }
}

Task<void> Implementation::KillSupervisor(PodPtr pod) {
  if (!pod->supervisor.valid()) co_return;
  Ignore(pod->supervisor.Signal(SIGKILL), "it may have ended");
  auto ended = co_await WithTimeout(loop_, kKillTimeout, WaitForSupervisorsEnd(pod));
  if (!ended.ok()) {
    kLog.Warn("a killed supervisor does not end", {{"uid", pod->record.config.uid}});
  }
}

Task<void> Implementation::KillSilent(PodPtr pod) {
  kLog.Warn("a supervisor does not answer and is killed", {{"uid", pod->record.config.uid}});
  co_await KillSupervisor(pod);
}

Task<Status> Implementation::WaitForSupervisorsEnd(PodPtr pod) {
  FdReady ended(loop_, pod->supervisor.get(), Loop::FdEvent::kReadable);
  co_await ended;
  co_return Ok();
}

}  // namespace wherry::nodeagent::runtime::native
