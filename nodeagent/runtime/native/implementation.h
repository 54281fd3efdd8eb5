#pragma once

#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/with_timeout.h"
#include "nodeagent/runtime/native/launcher_client.h"
#include "nodeagent/runtime/native/native_pod.h"
#include "nodeagent/runtime/native/native_runtime.h"
#include "nodeagent/runtime/native/pod_resources.h"
#include "nodeagent/runtime/native/spare_pool.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// What NativeRuntime::Open makes; its verbs are one file per idea: recovery.cpp, sandboxes.cpp,
// sandbox_end.cpp, containers.cpp, conversations.cpp,
// usage.cpp. Loop thread.
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
  Task<std::vector<PodUsage>> ListPodUsage(std::set<PodUid> disk_of) override;

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

  void Tell(const PodPtr& pod, const ContainerStatus& status, bool sandbox_died);
  void Converse(const PodPtr& pod, linux::Fd connection);
  void OnExit(const PodPtr& pod, const init::ContainerRecord& record);
  // Its containers died with it, or are killed now.
  void OnSupervisorLost(const PodPtr& pod);
  void MarkDead(const PodPtr& pod, const std::string& message);
  Task<void> ReleaseDead(PodPtr pod);

  // One at a time per pod, whoever asks and whether or not the asker waits until the end.
  Task<Status> Release(PodPtr pod);
  Task<void> RunRelease(PodPtr pod);
  // A sandbox that is made meanwhile would lose its address and its cgroup.
  Task<void> WaitForRelease(PodUid uid);

  // Ends a supervisor that does not do as it is told, and all of its containers with it.
  Task<void> KillSupervisor(PodPtr pod);
  Task<void> KillSilent(PodPtr pod);
  Task<Status> WaitForSupervisorsEnd(PodPtr pod);

  // The answer of a supervisor, which is killed when it gives none.
  template <typename T>
  Task<Result<T>> Answer(PodPtr pod, Task<Result<T>> call) {
    auto answer = co_await WithTimeout(loop_, options_.answer_timeout, std::move(call));
    if (!answer.ok() && answer.error().reason == Reason::kTimeout) {
      co_await KillSilent(pod);
    }
    co_return answer;
  }

  Task<void> Adopt(PodResources::RecoveredPod recovered);
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

// A container that has been made and not started.
ContainerStatus StatusOf(const CreatedRecord& created);
// A container that ended unseen, with its supervisor.
void MarkLost(ContainerStatus& status, WallTime now, const std::string& message);

}  // namespace wherry::nodeagent::runtime::native
