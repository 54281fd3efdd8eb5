#include "nodeagent/runtime/native/container_id.h"
#include "nodeagent/runtime/native/implementation.h"

#include <algorithm>
#include <csignal>
#include <optional>

namespace wherry::nodeagent::runtime::native {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartTimeout = 120s;
constexpr auto kKillTimeout = 30s;

}  // namespace

ContainerStatus StatusOf(const CreatedRecord& created) {
  return {.name = created.name,
          .attempt = created.attempt,
          .id = created.id,
          .image_id = created.image_id,
          .created_at = created.created_at};
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

}  // namespace wherry::nodeagent::runtime::native
