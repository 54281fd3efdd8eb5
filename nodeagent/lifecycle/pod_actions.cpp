#include "nodeagent/lifecycle/pod_actions.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

using runtime::ContainerState;

namespace {

bool AnyRegularContainerCreated(const Pod& pod, const runtime::SandboxStatus& sandbox) {
  return std::any_of(
      pod.spec().containers().begin(), pod.spec().containers().end(),
      [&](const Container& container) { return LatestAttempt(sandbox, container.name()); });
}

bool AnyRegularContainerAlive(const Pod& pod, const runtime::SandboxStatus& sandbox) {
  return std::any_of(pod.spec().containers().begin(), pod.spec().containers().end(),
                     [&](const Container& container) {
                       const auto* latest = LatestAttempt(sandbox, container.name());
                       return latest && latest->state != ContainerState::kExited;
                     });
}

bool Succeeded(const runtime::ContainerStatus* latest) {
  return latest && latest->state == ContainerState::kExited && latest->exit_code == 0;
}

void StartFromTheBeginning(const Pod& pod, const runtime::SandboxStatus* sandbox,
                           PodActions* actions) {
  const std::string& policy = pod.spec().restartpolicy();
  const bool ran = sandbox && !sandbox->containers.empty();
  if (ran && policy == "Never") {
    actions->kill_pod = true;
    return;
  }
  std::vector<std::string> to_start;
  for (const auto& container : pod.spec().containers()) {
    if (policy == "OnFailure" && sandbox && Succeeded(LatestAttempt(*sandbox, container.name())))
      continue;
    to_start.push_back(container.name());
  }
  if (to_start.empty() && sandbox && AnyRegularContainerCreated(pod, *sandbox)) {
    actions->kill_pod = true;
    return;
  }
  actions->create_sandbox = true;
  if (pod.spec().initcontainers_size() > 0)
    actions->init_container = pod.spec().initcontainers(0).name();
  else
    actions->containers = std::move(to_start);
}

// True when the regular containers may run.
bool InitContainersDone(const Pod& pod, const runtime::SandboxStatus& sandbox,
                        PodActions* actions) {
  // Dead ones may be of the sandbox before; in this one the init containers' own records tell.
  if (pod.spec().initcontainers_size() == 0 || AnyRegularContainerAlive(pod, sandbox)) return true;
  for (int i = pod.spec().initcontainers_size() - 1; i >= 0; --i) {
    const auto& container = pod.spec().initcontainers(i);
    const runtime::ContainerStatus* latest = LatestAttempt(sandbox, container.name());
    if (!latest) continue;
    if (latest->state == ContainerState::kRunning) return false;
    if (latest->state == ContainerState::kCreated) {
      actions->init_container = container.name();
      return false;
    }
    if (latest->exit_code == 0) {
      if (i + 1 == pod.spec().initcontainers_size()) return true;
      actions->init_container = pod.spec().initcontainers(i + 1).name();
      return false;
    }
    if (pod.spec().restartpolicy() == "Never")
      actions->kill_pod = true;
    else
      actions->init_container = container.name();
    return false;
  }
  actions->init_container = pod.spec().initcontainers(0).name();
  return false;
}

std::optional<ContainerToKill> ReasonToKill(const Container& container,
                                            const runtime::ContainerStatus& latest,
                                            const ProbeResultMap& probes,
                                            const std::map<std::string, std::string>& images) {
  auto image = images.find(latest.id);
  if (image != images.end() && image->second != container.image())
    return ContainerToKill{.name = container.name(),
                           .message = "Container " + container.name() + " definition changed"};
  auto result = probes.find(latest.id);
  if (result == probes.end()) return std::nullopt;
  if (result->second.liveness == false)
    return ContainerToKill{.name = container.name(),
                           .message = "Container " + container.name() + " failed liveness probe",
                           .failed_liveness = true};
  if (result->second.startup == false)
    return ContainerToKill{.name = container.name(),
                           .message = "Container " + container.name() + " failed startup probe",
                           .failed_startup = true};
  return std::nullopt;
}

}  // namespace

const runtime::ContainerStatus* LatestAttempt(const runtime::SandboxStatus& sandbox,
                                              std::string_view name) {
  const runtime::ContainerStatus* latest = nullptr;
  for (const auto& status : sandbox.containers)
    if (status.name == name && (!latest || status.attempt > latest->attempt)) latest = &status;
  return latest;
}

bool ShouldContainerBeRestarted(const Pod& pod, const runtime::ContainerStatus* latest) {
  if (IsDeleted(pod)) return false;
  if (!latest) return true;
  if (latest->state == ContainerState::kRunning) return false;
  if (latest->state == ContainerState::kCreated) return true;
  if (pod.spec().restartpolicy() == "Never") return false;
  if (pod.spec().restartpolicy() == "OnFailure") return latest->exit_code != 0;
  return true;
}

PodActions ComputePodActions(const Pod& pod, const runtime::SandboxStatus* sandbox,
                             const ProbeResultMap& probes,
                             const std::map<std::string, std::string>& images) {
  PodActions actions;
  if (!sandbox || sandbox->state != runtime::SandboxState::kReady) {
    StartFromTheBeginning(pod, sandbox, &actions);
    return actions;
  }
  if (!InitContainersDone(pod, *sandbox, &actions)) return actions;

  int kept = 0;
  for (const auto& container : pod.spec().containers()) {
    const runtime::ContainerStatus* latest = LatestAttempt(*sandbox, container.name());
    if (!latest || latest->state != ContainerState::kRunning) {
      if (ShouldContainerBeRestarted(pod, latest)) actions.containers.push_back(container.name());
      continue;
    }
    std::optional<ContainerToKill> kill = ReasonToKill(container, *latest, probes, images);
    if (!kill) {
      ++kept;
      continue;
    }
    const bool definition_changed = !kill->failed_liveness && !kill->failed_startup;
    if (definition_changed || pod.spec().restartpolicy() != "Never") {
      kill->message += ", will be restarted";
      actions.containers.push_back(container.name());
    }
    actions.kills.push_back(std::move(*kill));
  }
  if (kept == 0 && actions.containers.empty()) actions.kill_pod = true;
  return actions;
}

bool IsPodComplete(const Pod& pod, const runtime::SandboxStatus& sandbox) {
  auto running = [](const runtime::ContainerStatus& status) {
    return status.state != ContainerState::kExited;
  };
  if (std::any_of(sandbox.containers.begin(), sandbox.containers.end(), running)) return false;
  const PodActions actions = ComputePodActions(pod, &sandbox, {}, {});
  return actions.kill_pod;
}

}  // namespace wherry::nodeagent::lifecycle
