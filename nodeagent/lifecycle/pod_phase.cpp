#include "nodeagent/lifecycle/pod_phase.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <vector>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::core::v1::PodCondition;

struct InitCount {
  int pending = 0;
  int failed = 0;
};

InitCount CountInitContainers(const Pod& pod, const PodStatus& status) {
  InitCount count;
  for (const auto& container : pod.spec().initcontainers()) {
    const ContainerStatus* entry = FindStatus(status, container.name());
    if (!entry || entry->state().has_running()) {
      ++count.pending;
    } else if (entry->state().has_terminated()) {
      if (entry->state().terminated().exitcode() != 0) ++count.failed;
    } else if (entry->laststate().has_terminated()) {
      if (entry->laststate().terminated().exitcode() != 0) ++count.failed;
    } else {
      ++count.pending;
    }
  }
  return count;
}

bool AnyRegularContainerStarted(const PodStatus& status) {
  return std::any_of(status.containerstatuses().begin(), status.containerstatuses().end(),
                     [](const ContainerStatus& entry) {
                       return entry.state().has_running() || entry.state().has_terminated() ||
                              entry.laststate().has_terminated();
                     });
}

// Go's %s of a []string.
std::string List(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const auto& name : names) {
    if (text.size() > 1) text += " ";
    text += name;
  }
  return text + "]";
}

std::string Explain(const std::vector<std::string>& unknown, const std::vector<std::string>& other,
                    std::string_view other_text) {
  std::string message;
  if (!unknown.empty()) message = "containers with unknown status: " + List(unknown);
  if (!other.empty()) {
    if (!message.empty()) message += ", ";
    message += std::string(other_text) + List(other);
  }
  return message;
}

PodCondition Condition(std::string type, bool holds, std::string reason = "",
                       std::string message = "") {
  PodCondition condition;
  condition.set_type(std::move(type));
  condition.set_status(holds ? "True" : "False");
  if (!reason.empty()) condition.set_reason(std::move(reason));
  if (!message.empty()) condition.set_message(std::move(message));
  return condition;
}

PodCondition ContainersReady(const Pod& pod, const PodStatus& status) {
  std::vector<std::string> unknown;
  std::vector<std::string> unready;
  for (const auto& container : pod.spec().containers()) {
    const ContainerStatus* entry = FindStatus(status, container.name());
    if (!entry)
      unknown.push_back(container.name());
    else if (!entry->ready())
      unready.push_back(container.name());
  }
  if (status.phase() == "Succeeded" && unknown.empty())
    return Condition("ContainersReady", false, "PodCompleted");
  if (status.phase() == "Failed") return Condition("ContainersReady", false, "PodFailed");
  std::string message = Explain(unknown, unready, "containers with unready status: ");
  if (message.empty()) return Condition("ContainersReady", true);
  return Condition("ContainersReady", false, "ContainersNotReady", std::move(message));
}

PodCondition Ready(const Pod& pod, const PodCondition& containers_ready) {
  PodCondition ready = containers_ready;
  ready.set_type("Ready");
  if (ready.status() != "True") return ready;
  std::string message;
  for (const auto& gate : pod.spec().readinessgates()) {
    const PodCondition* found = nullptr;
    for (const auto& condition : pod.status().conditions())
      if (condition.type() == gate.conditiontype()) found = &condition;
    if (found && found->status() == "True") continue;
    if (!message.empty()) message += ", ";
    if (!found)
      message += "corresponding condition of pod readiness gate \"" + gate.conditiontype() +
                 "\" does not exist.";
    else
      message += "the status of pod readiness gate \"" + gate.conditiontype() +
                 "\" is not \"True\", but " + found->status();
  }
  if (message.empty()) return ready;
  return Condition("Ready", false, "ReadinessGatesNotReady", std::move(message));
}

PodCondition Initialized(const Pod& pod, const PodStatus& status) {
  std::vector<std::string> unknown;
  std::vector<std::string> incomplete;
  for (const auto& container : pod.spec().initcontainers()) {
    const ContainerStatus* entry = FindStatus(status, container.name());
    if (!entry)
      unknown.push_back(container.name());
    else if (!entry->ready())
      incomplete.push_back(container.name());
  }
  if (status.phase() == "Succeeded" && unknown.empty())
    return Condition("Initialized", true, "PodCompleted");
  if (AnyRegularContainerStarted(status)) return Condition("Initialized", true);
  std::string message = Explain(unknown, incomplete, "containers with incomplete status: ");
  if (message.empty()) return Condition("Initialized", true);
  return Condition("Initialized", false, "ContainersNotInitialized", std::move(message));
}

void Replace(PodStatus* status, const PodCondition& condition) {
  for (auto& existing : *status->mutable_conditions()) {
    if (existing.type() != condition.type()) continue;
    existing = condition;
    return;
  }
  *status->add_conditions() = condition;
}

}  // namespace

std::string ComputePhase(const Pod& pod, const PodStatus& status, bool terminal) {
  const InitCount init = CountInitContainers(pod, status);
  int unknown = 0;
  int running = 0;
  int waiting = 0;
  int stopped = 0;
  int succeeded = 0;
  for (const auto& container : pod.spec().containers()) {
    const ContainerStatus* entry = FindStatus(status, container.name());
    if (!entry) {
      ++unknown;
    } else if (entry->state().has_running()) {
      ++running;
    } else if (entry->state().has_terminated()) {
      ++stopped;
      if (entry->state().terminated().exitcode() == 0) ++succeeded;
    } else if (entry->laststate().has_terminated()) {
      ++stopped;
    } else {
      ++waiting;
    }
  }
  const std::string& policy = pod.spec().restartpolicy();
  if (init.failed > 0 && policy == "Never") return "Failed";
  if (init.pending > 0 && !AnyRegularContainerStarted(status)) return "Pending";
  if (waiting > 0) return "Pending";
  if (running > 0 && unknown == 0) return "Running";
  if (running > 0 || stopped == 0 || unknown > 0) return "Pending";
  if (terminal) return stopped == succeeded ? "Succeeded" : "Failed";
  if (policy == "Always" || policy.empty()) return "Running";
  if (stopped == succeeded) return "Succeeded";
  return policy == "Never" ? "Failed" : "Running";
}

void SetPodConditions(const Pod& pod, PodStatus* status) {
  const PodCondition containers_ready = ContainersReady(pod, *status);
  Replace(status, Initialized(pod, *status));
  Replace(status, Ready(pod, containers_ready));
  Replace(status, containers_ready);
  Replace(status, Condition("PodScheduled", true));
}

}  // namespace wherry::nodeagent::lifecycle
