#include "nodeagent/lifecycle/pod_status.h"

#include "lib/api/time.h"
#include "nodeagent/lifecycle/pod_phase.h"
#include "proto/api/core/v1.pb.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

using api::core::v1::ContainerState;
using RuntimeState = runtime::ContainerState;

constexpr size_t kPodMessageBytesMax = 12 * 1024;  // all containers' termination messages together
constexpr int kUnknownExitCode = 137;

std::string ContainerId(const runtime::ContainerStatus& status) { return "wherry://" + status.id; }

void SetState(const runtime::ContainerStatus& from, std::string_view waiting_reason,
              ContainerState* state) {
  state->Clear();
  switch (from.state) {
    case RuntimeState::kCreated:
      state->mutable_waiting()->set_reason(std::string(waiting_reason));
      return;
    case RuntimeState::kRunning:
      api::SetTime(state->mutable_running()->mutable_startedat(), from.started_at);
      return;
    case RuntimeState::kExited: {
      auto* terminated = state->mutable_terminated();
      terminated->set_exitcode(from.exit_code);
      if (from.signal != 0) terminated->set_signal(from.signal);
      std::string reason = from.reason;
      if (reason.empty()) reason = from.exit_code == 0 ? "Completed" : "Error";
      terminated->set_reason(std::move(reason));
      if (!from.message.empty()) terminated->set_message(from.message);
      if (from.started_at != WallTime())
        api::SetTime(terminated->mutable_startedat(), from.started_at);
      api::SetTime(terminated->mutable_finishedat(), from.finished_at);
      terminated->set_containerid(ContainerId(from));
      return;
    }
  }
}

void SetUnknownEnd(std::string_view message, ContainerState* state) {
  state->Clear();
  auto* terminated = state->mutable_terminated();
  terminated->set_exitcode(kUnknownExitCode);
  terminated->set_reason("ContainerStatusUnknown");
  terminated->set_message(std::string(message));
}

// The newest attempt but one.
const runtime::ContainerStatus* PreviousAttempt(const runtime::SandboxStatus& sandbox,
                                                const runtime::ContainerStatus& latest) {
  const runtime::ContainerStatus* previous = nullptr;
  for (const auto& status : sandbox.containers) {
    if (status.name != latest.name || status.attempt >= latest.attempt) continue;
    if (!previous || status.attempt > previous->attempt) previous = &status;
  }
  return previous;
}

class Generator {
 public:
  explicit Generator(const PodStatusInput& input) : in_(input) {}

  ContainerStatus One(const Container& container, bool is_init) const {
    const ContainerStatus* previous = FindStatus(in_.previous, container.name());
    const runtime::ContainerStatus* latest =
        in_.sandbox ? LatestAttempt(*in_.sandbox, container.name()) : nullptr;
    ContainerStatus status =
        latest ? Known(container, *latest, previous) : Unseen(container, previous);
    ApplyStartFailure(container, latest, is_init, &status);
    ApplyProbes(container, latest, is_init, &status);
    return status;
  }

 private:
  std::string_view WaitingReason() const {
    return in_.pod.spec().initcontainers_size() > 0 ? "PodInitializing" : "ContainerCreating";
  }

  ContainerStatus Known(const Container& container, const runtime::ContainerStatus& latest,
                        const ContainerStatus* previous) const {
    ContainerStatus status;
    status.set_name(container.name());
    auto image = in_.images.find(latest.id);
    status.set_image(image == in_.images.end() ? container.image() : image->second);
    status.set_imageid(latest.image_id);
    status.set_containerid(ContainerId(latest));
    status.set_restartcount(latest.attempt);
    SetState(latest, WaitingReason(), status.mutable_state());
    if (const auto* before = PreviousAttempt(*in_.sandbox, latest)) {
      SetState(*before, "", status.mutable_laststate());
    } else if (latest.attempt > 0 && previous) {
      const bool ended_before =
          previous->state().has_terminated() && previous->containerid() != status.containerid();
      *status.mutable_laststate() = ended_before ? previous->state() : previous->laststate();
    }
    return status;
  }

  // Never started, or the runtime has forgotten it.
  ContainerStatus Unseen(const Container& container, const ContainerStatus* previous) const {
    ContainerStatus status;
    status.set_name(container.name());
    status.set_image(container.image());
    status.mutable_state()->mutable_waiting()->set_reason(std::string(WaitingReason()));
    if (!previous) return status;
    if (previous->state().has_terminated()) return *previous;
    status.set_restartcount(previous->restartcount());
    *status.mutable_laststate() = previous->laststate();
    if (previous->state().has_running() && !previous->laststate().has_terminated()) {
      SetUnknownEnd(
          "The container could not be located when the pod was deleted.  The container used to be "
          "Running",
          status.mutable_laststate());
      if (!IsDeleted(in_.pod)) status.set_restartcount(status.restartcount() + 1);
    }
    return status;
  }

  void ApplyStartFailure(const Container& container, const runtime::ContainerStatus* latest,
                         bool is_init, ContainerStatus* status) const {
    auto failure = in_.start_failures.find(container.name());
    if (failure == in_.start_failures.end()) return;
    if (is_init && latest && latest->state == RuntimeState::kExited && latest->exit_code == 0)
      return;
    if (!ShouldContainerBeRestarted(in_.pod, latest)) return;
    if (status->state().has_terminated()) *status->mutable_laststate() = status->state();
    status->clear_state();
    auto* waiting = status->mutable_state()->mutable_waiting();
    waiting->set_reason(failure->second.reason);
    waiting->set_message(failure->second.message);
  }

  void ApplyProbes(const Container& container, const runtime::ContainerStatus* latest, bool is_init,
                   ContainerStatus* status) const {
    ProbeResults results;
    if (latest) {
      auto found = in_.probes.find(latest->id);
      if (found != in_.probes.end()) results = found->second;
    }
    bool started = status->state().has_running();
    if (started && container.has_startupprobe() && !is_init)
      started = results.startup.value_or(false);
    status->set_started(started);
    if (is_init) {
      status->set_ready(status->state().has_terminated() &&
                        status->state().terminated().exitcode() == 0);
      return;
    }
    status->set_ready(started &&
                      (!container.has_readinessprobe() || results.readiness.value_or(false)));
  }

  const PodStatusInput& in_;
};

bool AnyRunning(const PodStatusInput& input) {
  if (!input.sandbox) return false;
  return std::any_of(input.sandbox->containers.begin(), input.sandbox->containers.end(),
                     [](const auto& status) { return status.state == RuntimeState::kRunning; });
}

bool HasInitialized(const Pod& pod, const PodStatus& status) {
  for (const auto& container : pod.spec().initcontainers()) {
    const ContainerStatus* entry = FindStatus(status, container.name());
    if (!entry || !entry->ready()) return false;
  }
  return true;
}

// Once nothing runs any more, a container without an end counts as failed.
void FillInMissingEnds(const PodStatusInput& input, PodStatus* status) {
  constexpr std::string_view kLost =
      "The container could not be located when the pod was terminated";
  if (HasInitialized(input.pod, *status)) {
    for (auto& entry : *status->mutable_containerstatuses())
      if (!entry.state().has_terminated()) SetUnknownEnd(kLost, entry.mutable_state());
  }
  int initialized = status->initcontainerstatuses_size();
  while (initialized > 1) {
    const auto& entry = status->initcontainerstatuses(initialized - 1);
    if (!entry.state().has_waiting() || entry.laststate().has_terminated()) break;
    --initialized;
  }
  for (int i = 0; i < initialized; ++i) {
    auto* entry = status->mutable_initcontainerstatuses(i);
    if (!entry->state().has_terminated()) SetUnknownEnd(kLost, entry->mutable_state());
  }
}

void SetPhase(const PodStatusInput& input, PodStatus* status) {
  std::string phase = ComputePhase(input.pod, *status, input.finished);
  if (input.finished && !IsTerminalPhase(phase)) phase = "Failed";
  for (const std::string& settled : {input.previous.phase(), input.pod.status().phase()})
    if (IsTerminalPhase(settled)) phase = settled;
  if (input.verdict && !AnyRunning(input) && !IsTerminalPhase(input.previous.phase())) {
    status->set_phase("Failed");
    status->set_reason(input.verdict->reason);
    status->set_message(input.verdict->message);
    return;
  }
  status->set_phase(phase);
  const PodStatus& source =
      input.previous.phase() == phase ? input.previous : PodStatus::default_instance();
  if (!source.reason().empty()) status->set_reason(source.reason());
  if (!source.message().empty()) status->set_message(source.message());
}

void SetAddresses(const PodStatusInput& input, PodStatus* status) {
  status->set_hostip(input.host_ip);
  if (input.sandbox)
    for (const auto& ip : input.sandbox->ips) status->add_podips()->set_ip(ip);
  if (status->podips_size() == 0) *status->mutable_podips() = input.previous.podips();
  if (status->podips_size() == 0 && input.pod.spec().hostnetwork() && !input.host_ip.empty())
    status->add_podips()->set_ip(input.host_ip);
  if (status->podips_size() > 0) status->set_podip(status->podips(0).ip());
}

void SetTransitionTimes(const PodStatusInput& input, PodStatus* status) {
  for (auto& condition : *status->mutable_conditions()) {
    const api::core::v1::PodCondition* before = nullptr;
    for (const auto& candidate : input.previous.conditions())
      if (candidate.type() == condition.type()) before = &candidate;
    if (before && before->status() == condition.status() && before->has_lasttransitiontime())
      *condition.mutable_lasttransitiontime() = before->lasttransitiontime();
    else
      api::SetTime(condition.mutable_lasttransitiontime(), input.now);
  }
}

void ShortenMessages(const Pod& pod, PodStatus* status) {
  const size_t containers =
      static_cast<size_t>(pod.spec().containers_size() + pod.spec().initcontainers_size());
  const size_t limit = kPodMessageBytesMax / std::max<size_t>(1, containers);
  auto shorten = [limit](ContainerState* state) {
    if (state->has_terminated() && state->terminated().message().size() > limit)
      state->mutable_terminated()->mutable_message()->resize(limit);
  };
  for (auto* list : {status->mutable_containerstatuses(), status->mutable_initcontainerstatuses()})
    for (auto& entry : *list) {
      if (entry.has_state()) shorten(entry.mutable_state());
      if (entry.has_laststate()) shorten(entry.mutable_laststate());
    }
}

std::string Bytes(const PodStatus& status) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  status.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace

PodStatus GeneratePodStatus(const PodStatusInput& input) {
  PodStatus status;
  status.set_qosclass(QosClass(input.pod));
  const bool refused =
      input.verdict && !input.sandbox && input.previous.containerstatuses_size() == 0;
  if (!refused) {
    const Generator generator(input);
    for (const auto& container : input.pod.spec().initcontainers())
      *status.add_initcontainerstatuses() = generator.One(container, true);
    for (const auto& container : input.pod.spec().containers())
      *status.add_containerstatuses() = generator.One(container, false);
    std::sort(status.mutable_containerstatuses()->begin(),
              status.mutable_containerstatuses()->end(),
              [](const auto& a, const auto& b) { return a.name() < b.name(); });
    if (input.finished) FillInMissingEnds(input, &status);
  }
  SetPhase(input, &status);
  SetAddresses(input, &status);
  if (input.previous.has_starttime())
    *status.mutable_starttime() = input.previous.starttime();
  else
    api::SetTime(status.mutable_starttime(), input.now);
  if (!refused) SetPodConditions(input.pod, &status);
  SetTransitionTimes(input, &status);
  ShortenMessages(input.pod, &status);
  return status;
}

bool SameStatus(const PodStatus& left, const PodStatus& right) {
  return Bytes(left) == Bytes(right);
}

}  // namespace wherry::nodeagent::lifecycle
