#include "lib/api/time.h"
#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "lib/loop/with_timeout.h"
#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/lifecycle/environment.h"
#include "nodeagent/lifecycle/pod_worker.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

constexpr std::chrono::hours kHookMax{24};

// The attempt after everything that anybody remembers.
int32_t NextAttempt(const runtime::ContainerStatus* latest, const ContainerStatus* published) {
  if (latest) return latest->attempt + 1;
  if (!published) return 0;
  const bool ran = !published->containerid().empty() || published->state().has_running() ||
                   published->state().has_terminated();
  return published->restartcount() + (ran ? 1 : 0);
}

}  // namespace

// True when the container runs.
Task<bool> PodWorker::StartContainer(std::string name) {
  const auto pod = pod_;
  const Container* container = FindContainer(*pod, name);
  if (!container) container = FindInitContainer(*pod, name);
  const auto view = View();
  const runtime::ContainerStatus* latest = view ? LatestAttempt(*view, name) : nullptr;
  const int32_t attempt = NextAttempt(latest, FindStatus(*status_, name));

  if (latest && latest->state == runtime::ContainerState::kExited) {
    const WallTime due = restarts_.DueSince(name, latest->finished_at);
    if (context_.world.clock.Now() < due) {
      const std::string delay = api::FormatDuration(restarts_.Get(name));
      if (told_back_off_[name] != due) {
        told_back_off_[name] = due;
        Event("Warning", "BackOff",
              "Back-off restarting failed container " + name + " in pod " + FormatPod(*pod), name);
      }
      RetryAt(due);
      Fail(name, {"CrashLoopBackOff", "back-off " + delay + " restarting failed container=" + name +
                                          " pod=" + FormatPod(*pod)});
      co_return false;
    }
    restarts_.Next(name, latest->finished_at, context_.world.clock.Now());
  }

  auto pulling = UntilEnding(context_.images.EnsureImageExists(pod, container));
  auto pulled = co_await std::move(pulling);
  if (!pulled || MustTerminate()) co_return false;
  ImageManager::Outcome image = std::move(*pulled);
  if (!image.image) {
    if (image.retry_at) RetryAt(*image.retry_at);
    Event("Warning", "Failed", "Error: " + image.failure.reason, name);
    Fail(name, std::move(image.failure));
    co_return false;
  }

  const std::string image_reference = container->image();
  auto configuring = ConfigFor(name, attempt, std::move(*image.image));
  auto config = co_await std::move(configuring);
  if (!config.ok()) {
    Event("Warning", "Failed", "Error: " + config.error().message, name);
    Fail(name, {"CreateContainerConfigError", config.error().message});
    RetryAfter("start " + name);
    co_return false;
  }
  const bool has_post_start = container->lifecycle().has_poststart();
  if (has_post_start) post_start_pending_.insert(name);
  auto starting = context_.runtime.StartContainer(pod->metadata().uid(), std::move(*config));
  auto started = co_await std::move(starting);
  if (!started.ok()) {
    post_start_pending_.erase(name);
    Event("Warning", "Failed", "Error: " + started.error().message, name);
    const bool invalid = started.error().reason == Reason::kInvalid;
    Fail(name,
         {invalid ? "CreateContainerConfigError" : "RunContainerError", started.error().message});
    RetryAfter("start " + name);
    co_return false;
  }
  images_[started->id] = image_reference;
  Event("Normal", "Created", "Created container " + name, name);
  if (started->reason == "StartError" || started->reason == "ContainerCannotRun") {
    post_start_pending_.erase(name);
    Event("Warning", "Failed", "Error: " + started->message, name);
    messages_[started->id] = started->message;
    Fail(name, {"RunContainerError", started->message});
    co_return false;
  }
  Event("Normal", "Started", "Started container " + name, name);
  failures_.erase(name);
  retries_.erase("start " + name);
  PublishStatus();
  if (has_post_start) {
    auto hook = RunPostStart(name);
    const bool succeeded = co_await std::move(hook);
    if (!succeeded) co_return false;
  }
  if (attempt > 1) {
    auto forgetting = ForgetOldAttempts(name, attempt);
    co_await std::move(forgetting);
  }
  co_return true;
}

Task<Result<runtime::ContainerConfig>> PodWorker::ConfigFor(std::string name, int32_t attempt,
                                                            images::Image image) {
  const auto pod = pod_;
  const Container* container = FindContainer(*pod, name);
  if (!container) container = FindInitContainer(*pod, name);
  const std::vector<std::string> ips = PodIps();
  const volumes::DownwardContext downward = Downward(ips);
  const bool links = !pod->spec().has_enableservicelinks() || pod->spec().enableservicelinks();
  const Environment services = context_.services(pod->metadata().namespace_(), links);
  CO_TRY(BuiltEnvironment environment, MakeEnvironment({.pod = *pod,
                                                        .container = *container,
                                                        .services = services,
                                                        .downward = downward,
                                                        .objects = context_.objects}));
  if (!environment.invalid_names.empty()) {
    std::string names;
    for (const auto& invalid : environment.invalid_names)
      names += (names.empty() ? "" : ", ") + invalid;
    Event("Warning", "InvalidEnvironmentVariableNames",
          "Keys [" + names +
              "] were skipped since they are considered invalid environment "
              "variable names.",
          name);
  }
  CO_TRY(ContainerPlan plan, PlanContainer({.pod = *pod,
                                            .container = *container,
                                            .attempt = attempt,
                                            .image = image,
                                            .environment = environment.variables,
                                            .volumes = volumes_,
                                            .node = context_.node,
                                            .pod_ips = ips}));
  auto shared = std::make_shared<ContainerPlan>(std::move(plan));
  auto job = [shared] { return CarryOut(std::move(*shared)); };
  auto carrying = context_.world.blocking.Run(context_.world.loop, std::move(job));
  auto config = co_await std::move(carrying);
  co_return config;
}

Task<Status> PodWorker::RunHook(std::string container,
                                const api::core::v1::LifecycleHandler* handler,
                                std::chrono::nanoseconds timeout) {
  const auto pod = pod_;
  if (handler->has_exec()) {
    std::vector<std::string> command(handler->exec().command().begin(),
                                     handler->exec().command().end());
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    auto executing = context_.runtime.ExecSync(pod->metadata().uid(), std::move(container),
                                               std::move(command), limit);
    auto result = co_await std::move(executing);
    if (!result.ok()) co_return std::move(result).error();
    if (result->exit_code == 0) co_return Ok();
    co_return MakeError(
        Reason::kInternalError,
        "command exited with " + std::to_string(result->exit_code) + ": " + result->output);
  }
  if (handler->has_httpget()) {
    const Container* spec = FindContainer(*pod, container);
    if (!spec) spec = FindInitContainer(*pod, container);
    const std::vector<std::string> ips = PodIps();
    auto target =
        probes::HttpTargetOf(handler->httpget(), *spec, ips.empty() ? "127.0.0.1" : ips.front());
    if (!target) co_return MakeError(Reason::kInvalid, "httpGet names no port");
    auto asking = context_.prober.HttpGet(std::move(*target), timeout);
    auto answered = co_await std::move(asking);
    co_return answered;
  }
  co_return MakeError(Reason::kInvalid, "invalid handler: " + container);
}

// False when the container was killed for it.
Task<bool> PodWorker::RunPostStart(std::string name) {
  const auto pod = pod_;
  const Container* container = FindContainer(*pod, name);
  if (!container) container = FindInitContainer(*pod, name);
  // A pod that is deleted meanwhile does not wait for its hooks.
  OneShot<Result<Unit>> outcome(context_.world.loop);
  TaskScope scope(context_.world.loop);
  scope.Spawn("postStart",
              sync_internal::Deliver<Unit>(
                  RunHook(name, &container->lifecycle().poststart(), kHookMax), outcome));
  auto watch = [](PodWorker& worker, OneShot<Result<Unit>> shot) -> Task<void> {
    while (!worker.MustTerminate()) co_await worker.ending_.Wait();
    shot.Set(Unit{});
  };
  scope.Spawn("postStart watch", watch(*this, outcome));
  auto waiting = outcome.Wait();
  auto result = co_await std::move(waiting);
  post_start_pending_.erase(name);
  if (result.ok()) {
    PublishStatus();
    co_return true;
  }
  Event("Warning", "FailedPostStartHook", "PostStartHook failed", name);
  auto stopping = StopContainer(name, "FailedPostStartHook", GracePeriod(*pod));
  co_await std::move(stopping);
  Fail(name, {"PostStartHookError", result.error().message});
  co_return false;
}

// The attempt before the newest is kept: its state and log are still asked for.
Task<void> PodWorker::ForgetOldAttempts(std::string name, int32_t newest) {
  const auto view = View();
  if (!view) co_return;
  for (const auto& status : view->containers) {
    if (status.name != name || status.attempt >= newest - 1) continue;
    auto removing = context_.runtime.RemoveContainer(pod_->metadata().uid(), name, status.attempt);
    auto removed = co_await std::move(removing);
    Ignore(removed, "the sandbox's removal takes what is left");
    messages_.erase(status.id);
    images_.erase(status.id);
  }
  const std::string log = LogPath(context_.node, *pod_, name, newest - 2);
  auto job = [log]() -> Status {
    const size_t slash = log.rfind('/');
    TRY(linux::Fd directory, linux::OpenDirectory(AT_FDCWD, log.substr(0, slash)));
    return linux::RemoveTree(directory.get(), log.substr(slash + 1));
  };
  auto cleaning = context_.world.blocking.Run(context_.world.loop, std::move(job));
  auto cleaned = co_await std::move(cleaning);
  Ignore(cleaned, "the pod's end takes what is left");
}

}  // namespace wherry::nodeagent::lifecycle
