#include "nodeagent/runtime/native/native_runtime.h"

#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"
#include "nodeagent/runtime/native/container_id.h"
#include "nodeagent/runtime/native/exec_command.h"
#include "nodeagent/runtime/native/exec_session.h"
#include "nodeagent/runtime/native/launcher_client.h"
#include "nodeagent/runtime/native/native_pod.h"
#include "nodeagent/runtime/native/pod_resources.h"
#include "nodeagent/runtime/native/pod_streams.h"
#include "nodeagent/runtime/native/spare_pool.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace wherry::nodeagent::runtime::native {
namespace {

using namespace std::chrono_literals;

const telemetry::Logger kLog("runtime");

constexpr auto kSandboxTimeout = 30s;
constexpr auto kStartTimeout = 120s;
constexpr auto kReconnectTimeout = 5s;
constexpr auto kShutDownTimeout = 10s;
constexpr auto kKillTimeout = 30s;
constexpr int kKilledExitCode = 137;

class Implementation final : public NativeRuntime {
 public:
  Implementation(World& world, const Options& options, std::unique_ptr<PodResources> resources,
                 std::string init_program)
      : world_(world),
        loop_(world.loop),
        options_(options),
        resources_(std::move(resources)),
        spares_(world, resources_),
        launcher_(world.loop, std::move(init_program)),
        scope_(world.loop) {}

  Status Prepare() { return launcher_.Prepare(); }

  void SetNetwork(network::PodNetwork& network) override { resources_->SetNetwork(network); }
  std::vector<std::string> MissingControllers() const override {
    return resources_->MissingControllers();
  }
  void SetListener(std::function<void(const ContainerEvent&)> listener) override {
    listener_ = std::move(listener);
  }

  Task<Result<std::vector<SandboxStatus>>> Recover() override;
  Task<Result<SandboxStatus>> RunPodSandbox(SandboxConfig config) override;
  Task<Status> StopPodSandbox(PodUid uid) override;
  Task<Status> RemovePodSandbox(PodUid uid) override;
  Result<SandboxStatus> PodSandboxStatus(const PodUid& uid) const override;
  Task<Result<ContainerStatus>> StartContainer(PodUid uid, ContainerConfig config) override;
  Task<Status> StopContainer(PodUid uid, std::string name,
                             std::chrono::milliseconds grace) override;
  Task<Status> RemoveContainer(PodUid uid, std::string name, int32_t attempt) override;
  Task<Result<std::unique_ptr<ExecSession>>> Exec(PodUid uid, std::string name,
                                                  ExecOptions options) override;
  Task<Result<std::unique_ptr<ExecSession>>> Attach(PodUid uid, std::string name) override;
  Task<Result<std::unique_ptr<PodConnection>>> Connect(PodUid uid, uint16_t port) override;
  Task<Result<ExecResult>> ExecSync(PodUid uid, std::string name, std::vector<std::string> command,
                                    std::chrono::milliseconds timeout) override;
  Task<Result<linux::CgroupStats>> Stats(PodUid uid, std::string name) override;

 private:
  using PodPtr = std::shared_ptr<NativePod>;

  Result<PodPtr> FindPod(const PodUid& uid) const {
    auto found = pods_.find(uid);
    if (found == pods_.end()) {
      return MakeError(Reason::kNotFound, "pod sandbox '" + uid + "' not found");
    }
    return found->second;
  }

  template <typename F>
  auto Run(F job) {
    return world_.blocking.Run(loop_, std::move(job));
  }

  void Tell(const PodPtr& pod, const ContainerStatus& status, bool sandbox_died) {
    if (!listener_) return;
    ContainerEvent event{
        .uid = pod->record.config.uid, .status = status, .sandbox_died = sandbox_died};
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_), event = std::move(event)] {
      if (!alive.expired() && listener_) listener_(event);
    });
  }

  void Converse(const PodPtr& pod, linux::Fd connection) {
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

  void OnExit(const PodPtr& pod, const init::ContainerRecord& record) {
    if (!pod->Apply(record)) return;
    Tell(pod, pod->Find(record.name, record.attempt)->status, false);
  }

  // Its containers died with it, or are killed now.
  void OnSupervisorLost(const PodPtr& pod) {
    if (pod->state != SandboxState::kReady) return;
    kLog.Warn("supervisor of a pod has gone", {{"uid", pod->record.config.uid}});
    MarkDead(pod, "the pod's supervisor has gone");
    scope_.Spawn("release a dead sandbox", ReleaseDead(pod));
  }

  void MarkDead(const PodPtr& pod, const std::string& message) {
    pod->state = SandboxState::kNotReady;
    for (NativePod::Container& container : pod->containers) {
      if (container.status.state == ContainerState::kExited) continue;
      container.status.state = ContainerState::kExited;
      container.status.pid = 0;
      container.status.exit_code = kKilledExitCode;
      container.status.signal = SIGKILL;
      container.status.finished_at = world_.clock.Now();
      container.status.reason = "ContainerStatusUnknown";
      container.status.message = message;
      Tell(pod, container.status, true);
    }
    pod->changed.Notify();
  }

  Task<void> ReleaseDead(PodPtr pod) {
    auto released = co_await Release(pod);
    if (!released.ok()) {
      kLog.Warn("a dead sandbox was not released",
                {{"uid", pod->record.config.uid}, {"error", released.error().message}});
    }
  }

  // One at a time per pod, whoever asks and whether or not the asker waits until the end.
  Task<Status> Release(PodPtr pod) {
    PodUid uid = pod->record.config.uid;
    if (!releasing_.contains(uid)) {
      releasing_[uid] = pod;
      scope_.Spawn("release a sandbox", RunRelease(pod));
    }
    PodPtr released = releasing_[uid];
    co_await WaitForRelease(uid);
    co_return released->released;
  }

  Task<void> RunRelease(PodPtr pod) {
    auto job = [resources = resources_, uid = pod->record.config.uid,
                path = pod->record.cgroup_path] { return resources->ReleaseSandbox(uid, path); };
    pod->released = co_await Run(std::move(job));
    releasing_.erase(pod->record.config.uid);
    pod->changed.Notify();
  }

  // A sandbox that is made meanwhile would lose its address and its cgroup.
  Task<void> WaitForRelease(PodUid uid) {
    for (;;) {
      auto found = releasing_.find(uid);
      if (found == releasing_.end()) co_return;
      PodPtr pod = found->second;
      co_await pod->changed.Wait();
    }
  }

  // Ends a supervisor that does not do as it is told, and all of its containers with it.
  Task<void> KillSupervisor(PodPtr pod) {
    if (!pod->supervisor.valid()) co_return;
    Ignore(pod->supervisor.Signal(SIGKILL), "it may have ended");
    auto ended = co_await WithTimeout(loop_, kKillTimeout, WaitForSupervisorsEnd(pod));
    if (!ended.ok()) {
      kLog.Warn("a killed supervisor does not end", {{"uid", pod->record.config.uid}});
    }
  }
  Task<Status> WaitForSupervisorsEnd(PodPtr pod) {
    FdReady ended(loop_, pod->supervisor.get(), Loop::FdEvent::kReadable);
    co_await ended;
    co_return Ok();
  }

  // The answer of a supervisor, which is killed when it gives none.
  template <typename T>
  Task<Result<T>> Answer(PodPtr pod, Task<Result<T>> call) {
    auto answer = co_await WithTimeout(loop_, options_.answer_timeout, std::move(call));
    if (!answer.ok() && answer.error().reason == Reason::kTimeout) {
      kLog.Warn("a supervisor does not answer and is killed", {{"uid", pod->record.config.uid}});
      co_await KillSupervisor(pod);
    }
    co_return answer;
  }

  Task<Status> Adopt(PodResources::RecoveredPod recovered);
  Task<Result<init::Snapshot>> BeginSandbox(PodPtr pod, PodResources::PreparedSandbox prepared);
  Task<Status> WaitForExit(PodPtr pod, std::string name, int32_t attempt);
  Task<Status> EndContainer(PodPtr pod, std::string name, int32_t attempt, int signal,
                            std::chrono::milliseconds grace);

  World& world_;
  Loop& loop_;
  const Options options_;
  // Shared with jobs on helper threads, which may end after the runtime.
  std::shared_ptr<PodResources> resources_;
  SparePool spares_;
  LauncherClient launcher_;
  std::function<void(const ContainerEvent&)> listener_;
  std::map<PodUid, PodPtr> pods_;
  std::map<PodUid, PodPtr> releasing_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  TaskScope scope_;
};

ContainerStatus StatusOf(const CreatedRecord& created) {
  return {.name = created.name,
          .attempt = created.attempt,
          .id = created.id,
          .image_id = created.image_id,
          .created_at = created.created_at};
}

Task<Result<std::vector<SandboxStatus>>> Implementation::Recover() {
  auto job = [resources = resources_] { return resources->RecoverPods(); };
  CO_TRY(auto recovered, co_await Run(std::move(job)));
  std::vector<SandboxStatus> statuses;
  for (PodResources::RecoveredPod& pod : recovered) {
    PodUid uid = pod.record.config.uid;
    CO_TRY_STATUS(co_await Adopt(std::move(pod)));
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

Task<Status> Implementation::Adopt(PodResources::RecoveredPod recovered) {
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
    // Recorded but never started: the agent died in between.
    std::erase_if(pod->containers, [](const NativePod::Container& container) {
      return container.status.state == ContainerState::kCreated;
    });
    co_return Ok();
  }
  pod->Disconnect();
  MarkDead(pod, "the pod's supervisor has gone");
  co_await KillSupervisor(pod);
  auto released = co_await Release(pod);
  co_return released;
}

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

Task<Result<ContainerStatus>> Implementation::StartContainer(PodUid uid, ContainerConfig config) {
  CO_TRY(PodPtr pod, FindPod(uid));
  if (pod->state != SandboxState::kReady) {
    co_return MakeError(Reason::kConflict, "pod sandbox '" + uid + "' is not ready");
  }
  if (auto* existing = pod->Find(config.name, config.attempt)) co_return existing->status;
  CreatedRecord created{.name = config.name,
                        .attempt = config.attempt,
                        .id = NewContainerId(world_.random),
                        .image_id = config.image_id,
                        .created_at = world_.clock.Now()};
  auto prepare = [resources = resources_, sandbox = pod->record, config, created,
                  spare = spares_.Take(config.image_id)] {
    return resources->PrepareContainer(sandbox, config, created, spare);
  };
  auto planned = co_await Run(std::move(prepare));
  std::optional<Error> failure;
  if (!planned.ok()) failure = planned.error();
  ContainerStatus result;
  if (!failure) {
    pod->containers.push_back({.created = created, .status = StatusOf(created)});
    auto start = pod->StartContainer(std::move(planned->spec), std::move(planned->fds));
    auto started = co_await WithTimeout(loop_, kStartTimeout, std::move(start));
    if (!started.ok()) {
      failure = started.error();
    } else if (!started->ok) {
      failure =
          MakeError(started->invalid ? Reason::kInvalid : Reason::kInternalError, started->error);
    } else {
      pod->Apply(started->record);
    }
    auto* container = pod->Find(created.name, created.attempt);
    if (container != nullptr) result = container->status;
  }
  if (failure) {
    std::erase_if(pod->containers,
                  [&](const NativePod::Container& c) { return c.created.id == created.id; });
    auto release = [resources = resources_, sandbox = pod->record, created] {
      return resources->ReleaseContainer(sandbox, created);
    };
    if (pod->connected()) {
      auto forget = Answer(pod, pod->Forget(created.name, created.attempt));
      auto forgotten = co_await std::move(forget);
      Ignore(forgotten, "the first error counts");
    }
    auto released = co_await Run(std::move(release));
    Ignore(released, "the first error counts");
    co_return std::move(*failure).Wrap("start container '" + config.name + "'");
  }
  Tell(pod, result, false);
  spares_.Refill(config.image_id);
  co_return result;
}

Task<Status> Implementation::WaitForExit(PodPtr pod, std::string name, int32_t attempt) {
  for (;;) {
    auto* container = pod->Find(name, attempt);
    if (container == nullptr || container->status.state == ContainerState::kExited) co_return Ok();
    co_await pod->changed.Wait();
  }
}

Task<Status> Implementation::EndContainer(PodPtr pod, std::string name, int32_t attempt, int signal,
                                          std::chrono::milliseconds grace) {
  auto call = Answer(pod, pod->Signal(name, attempt, signal));
  auto signalled = co_await std::move(call);
  if (signalled.ok() && !signalled->error.empty()) {
    co_return MakeError(Reason::kInternalError, signalled->error);
  }
  auto ended = co_await WithTimeout(loop_, grace, WaitForExit(pod, name, attempt));
  co_return ended;
}

Task<Status> Implementation::StopContainer(PodUid uid, std::string name,
                                           std::chrono::milliseconds grace) {
  auto found = pods_.find(uid);
  if (found == pods_.end()) co_return Ok();
  PodPtr pod = found->second;
  auto* running = pod->FindRunning(name);
  if (running == nullptr) co_return Ok();
  int32_t attempt = running->status.attempt;
  if (grace > 0ms) {
    auto look_up = [resources = resources_, image = running->status.image_id] {
      return resources->StopSignal(image);
    };
    int signal = co_await Run(std::move(look_up));
    auto ended = co_await EndContainer(pod, name, attempt, signal, grace);
    if (ended.ok() || ended.error().reason != Reason::kTimeout) co_return ended;
  }
  auto killed = co_await EndContainer(pod, name, attempt, SIGKILL, kKillTimeout);
  co_return killed;
}

Task<Status> Implementation::RemoveContainer(PodUid uid, std::string name, int32_t attempt) {
  auto found = pods_.find(uid);
  if (found == pods_.end()) co_return Ok();
  PodPtr pod = found->second;
  auto* container = pod->Find(name, attempt);
  if (container == nullptr) co_return Ok();
  if (container->status.state == ContainerState::kRunning) {
    co_return MakeError(Reason::kConflict, "container '" + name + "' is running");
  }
  CreatedRecord created = container->created;
  if (pod->connected()) {
    auto forget = Answer(pod, pod->Forget(name, attempt));
    auto forgotten = co_await std::move(forget);
    if (forgotten.ok() && !forgotten->error.empty()) {
      co_return MakeError(Reason::kConflict, forgotten->error);
    }
  }
  auto release = [resources = resources_, sandbox = pod->record, created] {
    return resources->ReleaseContainer(sandbox, created);
  };
  CO_TRY_STATUS(co_await Run(std::move(release)));
  std::erase_if(pod->containers,
                [&](const NativePod::Container& c) { return c.created.id == created.id; });
  co_return Ok();
}

Task<Result<ExecResult>> Implementation::ExecSync(PodUid uid, std::string name,
                                                  std::vector<std::string> command,
                                                  std::chrono::milliseconds timeout) {
  CO_TRY(PodPtr pod, FindPod(uid));
  if (pod->FindRunning(name) == nullptr) {
    co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
  }
  auto running = RunCommand(loop_, pod, std::move(name), std::move(command), timeout);
  co_return co_await std::move(running);
}

Task<Result<std::unique_ptr<ExecSession>>> Implementation::Exec(PodUid uid, std::string name,
                                                                ExecOptions options) {
  CO_TRY(PodPtr pod, FindPod(uid));
  if (pod->FindRunning(name) == nullptr) {
    co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
  }
  init::Exec exec{.id = pod->NextExecId(),
                  .container = name,
                  .arguments = std::move(options.command),
                  .tty = options.tty};
  auto kill = [pod, id = exec.id] { pod->KillExec(id); };
  if (options.tty) {
    auto starting = StartInTerminal(loop_, *pod, std::move(exec), std::move(kill));
    co_return co_await std::move(starting);
  }
  CO_TRY(SessionStreams streams, OpenSessionStreams(options.with_stdin));
  auto call = pod->Exec(std::move(exec), std::move(streams.fds));
  co_return MakeExecSession(loop_, std::move(streams.ours), std::move(call), std::move(kill));
}

Task<Result<std::unique_ptr<ExecSession>>> Implementation::Attach(PodUid uid, std::string name) {
  CO_TRY(PodPtr pod, FindPod(uid));
  auto attaching = pod->Attach(name);
  CO_TRY(NativePod::AttachedStreams streams, co_await std::move(attaching));
  CO_TRY(SessionEnds ends, AttachedEnds(streams));
  std::function<void()> close_input = [] {};
  if (streams.message.stdin_once) {
    close_input = [pod, name, attempt = streams.message.attempt] {
      pod->CloseInput(name, attempt);
    };
  }
  co_return MakeAttachSession(loop_, std::move(ends), std::move(close_input));
}

Task<Result<std::unique_ptr<PodConnection>>> Implementation::Connect(PodUid uid, uint16_t port) {
  CO_TRY(PodPtr pod, FindPod(uid));
  auto connecting = ConnectToPod(loop_, *pod, port);
  co_return co_await std::move(connecting);
}

Task<Result<linux::CgroupStats>> Implementation::Stats(PodUid uid, std::string name) {
  CO_TRY(PodPtr pod, FindPod(uid));
  std::string path = pod->record.cgroup_path;
  if (!name.empty()) {
    auto* container = pod->FindRunning(name);
    if (container == nullptr) {
      co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
    }
    path += "/" + container->created.id;
  }
  auto job = [resources = resources_, path] { return resources->Stats(path); };
  auto stats = co_await Run(std::move(job));
  co_return stats;
}

}  // namespace

Result<std::string> FindInitProgram() {
  std::string path(4096, '\0');
  ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n < 0) return ErrnoError(errno, "find this program");
  path.resize(static_cast<size_t>(n));
  path.replace(path.find_last_of('/') + 1, std::string::npos, "wherry-init");
  if (::access(path.c_str(), X_OK) != 0) return ErrnoError(errno, "find '" + path + "'");
  return path;
}

Result<std::unique_ptr<NativeRuntime>> NativeRuntime::Open(World& world, const Options& options,
                                                           const images::ImageStore& store,
                                                           network::PodNetwork* network) {
  std::string program = options.init_program;
  if (program.empty()) {
    TRY(program, FindInitProgram());
  }
  PodResources::Options resource_options{.state_directory = options.state_directory,
                                         .cgroup_parent = options.cgroup_parent,
                                         .pod_pids_max = options.pod_pids_max};
  TRY(auto resources, PodResources::Open(resource_options, store, network));
  auto runtime =
      std::make_unique<Implementation>(world, options, std::move(resources), std::move(program));
  TRY_STATUS(runtime->Prepare());
  return std::unique_ptr<NativeRuntime>(std::move(runtime));
}

}  // namespace wherry::nodeagent::runtime::native
