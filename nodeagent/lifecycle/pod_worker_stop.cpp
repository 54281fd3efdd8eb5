#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "lib/loop/with_timeout.h"
#include "lib/telemetry/log.h"
#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/lifecycle/pod_worker.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>

#include <algorithm>
#include <vector>

namespace wherry::nodeagent::lifecycle {

namespace {

const telemetry::Logger log("kubelet");

constexpr std::chrono::seconds kGraceMin{1};
constexpr std::chrono::seconds kAfterHookMin{2};
constexpr std::chrono::seconds kStopRetry{1};

}  // namespace

Task<void> PodWorker::SyncTerminatingPod() {
  probes_.StopLivenessAndStartup();
  PublishStatus();
  if (!refused_) {
    // Killing goes on with less time when the grace period is shortened meanwhile.
    while (true) {
      const std::chrono::seconds grace = std::max(Grace(), kGraceMin);
      OneShot<bool> ended(context_.world.loop);
      TaskScope scope(context_.world.loop);
      auto stop = [](PodWorker& worker, std::chrono::seconds limit,
                     OneShot<bool> shot) -> Task<void> {
        co_await worker.StopAll(limit);
        shot.Set(true);
      };
      auto watch = [](PodWorker& worker, std::chrono::seconds limit,
                      OneShot<bool> shot) -> Task<void> {
        while (std::max(worker.Grace(), kGraceMin) >= limit) co_await worker.ending_.Wait();
        shot.Set(false);
      };
      scope.Spawn("stop containers", stop(*this, grace, ended));
      scope.Spawn("grace period watch", watch(*this, grace, ended));
      auto waiting = ended.Wait();
      const bool all_dead = co_await std::move(waiting);
      if (all_dead) break;
    }
    while (true) {
      auto stopping = context_.runtime.StopPodSandbox(pod_->metadata().uid());
      auto stopped = co_await std::move(stopping);
      if (stopped.ok()) break;
      Event("Warning", "FailedKillPod", "error killing pod: " + stopped.error().message);
      co_await SleepFor(context_.world.loop, kStopRetry);
    }
    // Each end is told with its last words.
    while (!last_words_pending_.empty()) co_await wake_.Wait();
  }
  probes_.StopAll();
  finished_ = true;
  PublishStatus();
}

Task<void> PodWorker::StopAll(std::chrono::seconds grace) {
  std::vector<std::string> running;
  if (auto view = context_.runtime.PodSandboxStatus(pod_->metadata().uid()); view.ok())
    for (const auto& status : view->containers)
      if (status.state == runtime::ContainerState::kRunning) running.push_back(status.name);
  if (running.empty()) co_return;
  OneShot<bool> all(context_.world.loop);
  auto left = std::make_shared<size_t>(running.size());
  TaskScope scope(context_.world.loop);
  auto one = [](PodWorker& worker, std::string name, std::chrono::seconds limit,
                std::shared_ptr<size_t> count, OneShot<bool> shot) -> Task<void> {
    co_await worker.StopContainer(name, "", limit);
    if (--*count == 0) shot.Set(true);
  };
  for (const auto& name : running)
    scope.Spawn("stop container", one(*this, name, grace, left, all));
  auto waiting = all.Wait();
  co_await std::move(waiting);
}

Task<void> PodWorker::StopContainer(std::string name, std::string message,
                                    std::chrono::seconds grace) {
  if (message.empty()) message = "Stopping container " + name;
  Event("Normal", "Killing", message, name);
  const Container* container = FindContainer(*pod_, name);
  const MonotonicTime begin = context_.world.loop.MonotonicNow();
  if (container && container->lifecycle().has_prestop() && grace > std::chrono::seconds(0)) {
    auto hook = RunPreStop(name, grace);
    co_await std::move(hook);
    const auto used = std::chrono::duration_cast<std::chrono::seconds>(
        context_.world.loop.MonotonicNow() - begin);
    grace = std::max(grace - used, kAfterHookMin);
  }
  while (true) {
    auto stopping = context_.runtime.StopContainer(pod_->metadata().uid(), name,
                                                   std::max(grace, std::chrono::seconds(0)));
    auto stopped = co_await std::move(stopping);
    if (stopped.ok() || stopped.error().reason == Reason::kNotFound) co_return;
    log.Warn("container not stopped, will be retried",
             {{"pod", PodKey(*pod_)}, {"container", name}, {"error", stopped.error().message}});
    co_await SleepFor(context_.world.loop, kStopRetry);
  }
}

Task<void> PodWorker::RunPreStop(std::string name, std::chrono::seconds grace) {
  const auto pod = pod_;
  const Container* container = FindContainer(*pod, name);
  auto running = RunHook(name, &container->lifecycle().prestop(), grace);
  auto hook = WithTimeout<Unit>(context_.world.loop, grace, std::move(running));
  auto result = co_await std::move(hook);
  if (!result.ok()) Event("Warning", "FailedPreStopHook", "PreStopHook failed", name);
}

// True when everything is given back.
Task<bool> PodWorker::SyncTerminatedPod() {
  auto tearing = volumes_.TearDown();
  auto torn = co_await std::move(tearing);
  if (torn.ok()) co_return true;
  log.Warn("volumes not removed, will be retried",
           {{"pod", PodKey(*pod_)}, {"error", torn.error().message}});
  RetryAfter("tear down");
  co_return false;
}

Task<void> PodWorker::RemoveFromNode() {
  const std::string uid = pod_->metadata().uid();
  while (true) {
    auto removing = context_.runtime.RemovePodSandbox(uid);
    auto removed = co_await std::move(removing);
    if (removed.ok()) break;
    log.Warn("pod sandbox not removed, will be retried",
             {{"pod", PodKey(*pod_)}, {"error", removed.error().message}});
    co_await SleepFor(context_.world.loop, kStopRetry);
  }
  auto job = [logs = context_.node.logs_directory, name = LogDirectoryName(*pod_)]() -> Status {
    TRY(linux::Fd directory, linux::OpenDirectory(AT_FDCWD, logs));
    return linux::RemoveTree(directory.get(), name);
  };
  auto cleaning = context_.world.blocking.Run(context_.world.loop, std::move(job));
  auto cleaned = co_await std::move(cleaning);
  Ignore(cleaned, "a directory that is not there");
}

}  // namespace wherry::nodeagent::lifecycle
