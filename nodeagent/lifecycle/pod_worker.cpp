#include "nodeagent/lifecycle/pod_worker.h"

#include "lib/api/time.h"
#include "lib/loop/blocking.h"
#include "lib/loop/with_timeout.h"
#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/lifecycle/termination_message.h"
#include "proto/api/core/v1.pb.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

// Nothing that SyncPod looks at differs.
bool SameOrders(const Pod& left, const Pod& right) {
  const auto& a = left.metadata();
  const auto& b = right.metadata();
  auto same_map = [](const auto& x, const auto& y) {
    if (x.size() != y.size()) return false;
    for (const auto& [key, value] : x) {
      auto found = y.find(key);
      if (found == y.end() || found->second != value) return false;
    }
    return true;
  };
  return a.has_deletiontimestamp() == b.has_deletiontimestamp() &&
         a.deletiongraceperiodseconds() == b.deletiongraceperiodseconds() &&
         same_map(a.labels(), b.labels()) && same_map(a.annotations(), b.annotations()) &&
         IsTerminalPhase(left.status().phase()) == IsTerminalPhase(right.status().phase()) &&
         google::protobuf::util::MessageDifferencer::Equals(left.spec(), right.spec());
}

constexpr std::chrono::milliseconds kRetryFirst{500};
constexpr std::chrono::seconds kRetryMax{120};

}  // namespace

PodWorker::PodWorker(WorkerContext& context, std::shared_ptr<const Pod> pod,
                     std::optional<PodVerdict> verdict)
    : context_(context),
      pod_(std::move(pod)),
      verdict_(std::move(verdict)),
      wake_(context.world.loop),
      ending_(context.world.loop),
      volumes_(context.world, context.mounts, context.objects,
               PodDirectory(context.node, pod_->metadata().uid())),
      probes_(context.world, context.prober,
              {.on_result =
                   [this] {
                     PublishStatus();
                     Wake();
                   },
               .on_event =
                   [this](const std::string& container, const std::string& reason,
                          const std::string& message) {
                     Event("Warning", reason, message, container);
                   }}),
      tasks_(context.world.loop) {
  status_ = std::make_unique<PodStatus>(pod_->status());
  refused_ = verdict_.has_value();
}

PodWorker::~PodWorker() { tasks_.Cancel(); }

void PodWorker::Start() { tasks_.Spawn("pod worker", Run()); }

void PodWorker::Wake() {
  dirty_ = true;
  wake_.Notify();
}

void PodWorker::PodChanged(std::shared_ptr<const Pod> pod) {
  // Most changes are our own status coming back.
  const bool same = SameOrders(*pod_, *pod);
  pod_ = std::move(pod);
  context_.statuses.PodChanged(pod_);
  if (IsDeleted(*pod_) || IsTerminalPhase(pod_->status().phase())) ending_.Notify();
  if (!same) {
    Wake();
  } else if (pod_->spec().readinessgates_size() > 0) {
    PublishStatus();
  }
}

void PodWorker::PodGone() {
  gone_ = true;
  ending_.Notify();
  Wake();
}

bool PodWorker::Evict(PodVerdict verdict) {
  if (verdict_ || phase_ != Phase::kSyncing || MustTerminate()) return false;
  verdict_ = std::move(verdict);
  evicted_ = true;
  ending_.Notify();
  Wake();
  return true;
}

std::chrono::seconds PodWorker::Grace() const {
  return evicted_ ? std::chrono::seconds(0) : GracePeriod(*pod_);
}

bool PodWorker::active() const {
  if (refused_ || gone_ || IsTerminalPhase(pod_->status().phase())) return false;
  return phase_ == Phase::kSyncing || phase_ == Phase::kTerminating;
}

void PodWorker::ContainerEvent(const runtime::ContainerEvent& event) {
  if (!event.sandbox_died && event.status.state == runtime::ContainerState::kExited &&
      !messages_.contains(event.status.id) && !last_words_pending_.contains(event.status.id)) {
    last_words_pending_.insert(event.status.id);
    tasks_.Spawn("last words", ReadLastWords(event.status));
    return;
  }
  PublishStatus();
  Wake();
}

Task<void> PodWorker::ReadLastWords(runtime::ContainerStatus status) {
  const Container* container = FindContainer(*pod_, status.name);
  if (!container) container = FindInitContainer(*pod_, status.name);
  TerminationMessageSource source{
      .file = TerminationLogPath(context_.node, *pod_, status.name, status.attempt),
      .log = LogPath(context_.node, *pod_, status.name, status.attempt),
      .fallback_to_logs = container &&
                          container->terminationmessagepolicy() == "FallbackToLogsOnError" &&
                          (status.exit_code != 0 || status.reason == "OOMKilled")};
  auto job = [source] { return ReadTerminationMessage(source); };
  auto reading = context_.world.blocking.Run(context_.world.loop, std::move(job));
  messages_[status.id] = co_await std::move(reading);
  last_words_pending_.erase(status.id);
  PublishStatus();
  Wake();
}

std::optional<runtime::SandboxStatus> PodWorker::View() const {
  auto known = context_.runtime.PodSandboxStatus(pod_->metadata().uid());
  if (!known.ok()) return std::nullopt;
  runtime::SandboxStatus view = std::move(known).value();
  for (auto& status : view.containers) {
    if (last_words_pending_.contains(status.id)) status.state = runtime::ContainerState::kRunning;
    auto message = messages_.find(status.id);
    if (message != messages_.end() && !message->second.empty()) status.message = message->second;
    if (status.state == runtime::ContainerState::kRunning &&
        post_start_pending_.contains(status.name))
      status.state = runtime::ContainerState::kCreated;
  }
  return view;
}

void PodWorker::PublishStatus() {
  if (gone_ || phase_ == Phase::kDone) return;
  const std::optional<runtime::SandboxStatus> view = View();
  const runtime::SandboxStatus* sandbox = view ? &*view : nullptr;
  if (sandbox && phase_ == Phase::kSyncing) probes_.Sync(*pod_, *sandbox);
  PodStatusInput input{.pod = *pod_,
                       .previous = *status_,
                       .sandbox = sandbox,
                       .start_failures = failures_,
                       .probes = probes_.results(),
                       .images = images_,
                       .host_ip = context_.node.node_ip,
                       .verdict = verdict_,
                       .finished = finished_,
                       .now = context_.world.clock.Now()};
  PodStatus status = GeneratePodStatus(input);
  *status_ = status;
  context_.statuses.SetPodStatus(pod_, status, phase_ == Phase::kFinished);
}

bool PodWorker::MustTerminate() {
  if (gone_ || verdict_ || complete_ || IsDeleted(*pod_)) return true;
  if (IsTerminalPhase(pod_->status().phase())) return true;
  if (!pod_->spec().has_activedeadlineseconds() || !status_->has_starttime()) return false;
  const WallTime deadline = api::ToWallClock(status_->starttime()) +
                            std::chrono::seconds(pod_->spec().activedeadlineseconds());
  if (context_.world.clock.Now() < deadline) {
    RetryAt(deadline);
    return false;
  }
  verdict_ = PodVerdict{"DeadlineExceeded",
                        "Pod was active on the node longer than the specified deadline"};
  Event("Normal", verdict_->reason, verdict_->message);
  return true;
}

Task<void> PodWorker::Run() {
  if (const auto view = View()) {
    for (const auto& status : view->containers) {
      const ContainerStatus* known = FindStatus(pod_->status(), status.name);
      if (status.state != runtime::ContainerState::kExited) {
        const bool same = known && known->containerid() == "wherry://" + status.id;
        if (same) {
          images_[status.id] = known->image();
          probes::ProbeResults results;
          if (known->started()) results.startup = true;
          if (known->ready()) results.readiness = true;
          probes_.Seed(status.id, results);
        }
        continue;
      }
      last_words_pending_.insert(status.id);
      auto reading = ReadLastWords(status);
      co_await std::move(reading);
    }
  }
  while (phase_ != Phase::kDone) {
    dirty_ = false;
    wake_at_.reset();
    if (phase_ == Phase::kSyncing) {
      if (MustTerminate()) {
        phase_ = Phase::kTerminating;
      } else {
        co_await SyncPod();
        ending_.Notify();  // lets go of those that have stopped waiting
        if (MustTerminate()) continue;
      }
    }
    if (phase_ == Phase::kTerminating) {
      co_await SyncTerminatingPod();
      phase_ = Phase::kTerminated;
    }
    if (phase_ == Phase::kTerminated) {
      const bool ended = co_await SyncTerminatedPod();
      if (ended) {
        phase_ = Phase::kFinished;
        PublishStatus();
      }
    }
    if (phase_ == Phase::kFinished && gone_) {
      co_await RemoveFromNode();
      context_.statuses.Forget(pod_->metadata().uid());
      phase_ = Phase::kDone;
      if (on_done_) context_.world.loop.Post(on_done_);
      co_return;
    }
    co_await WaitForWork();
  }
}

Task<void> PodWorker::WaitForWork() {
  while (!dirty_) {
    if (!wake_at_) {
      co_await wake_.Wait();
      continue;
    }
    const auto left = *wake_at_ - context_.world.loop.MonotonicNow();
    if (left <= std::chrono::nanoseconds(0)) co_return;
    // The condition is looked at again: the waiting starts in a later turn.
    auto wait = [](PodWorker& worker) -> Task<Result<Unit>> {
      while (!worker.dirty_) co_await worker.wake_.Wait();
      co_return Unit{};
    };
    auto bounded = WithTimeout<Unit>(context_.world.loop, left, wait(*this));
    auto woken = co_await std::move(bounded);
    Ignore(woken, "the loop looks at both conditions");
  }
}

void PodWorker::RetryAt(WallTime time) {
  const auto wait = std::max(time - context_.world.clock.Now(), WallTime::duration(0));
  const MonotonicTime at = context_.world.loop.MonotonicNow() +
                           std::chrono::duration_cast<MonotonicTime::duration>(wait);
  if (!wake_at_ || at < *wake_at_) wake_at_ = at;
}

void PodWorker::RetryAfter(const std::string& what) {
  const int failures = std::min(retries_[what]++, 8);
  const std::chrono::nanoseconds wait =
      std::min<std::chrono::nanoseconds>(kRetryFirst * (1 << failures), kRetryMax);
  RetryAt(context_.world.clock.Now() + std::chrono::duration_cast<WallTime::duration>(wait));
}

void PodWorker::Fail(const std::string& container, StartFailure failure) {
  failures_[container] = std::move(failure);
  PublishStatus();
}

void PodWorker::Event(const char* type, const std::string& reason, const std::string& message,
                      const std::string& container) {
  context_.events.Event(*pod_, type, reason, message,
                        container.empty() ? "" : FieldPath(*pod_, container));
}

std::vector<std::string> PodWorker::PodIps() const {
  auto known = context_.runtime.PodSandboxStatus(pod_->metadata().uid());
  if (known.ok() && !known->ips.empty()) return known->ips;
  if (pod_->spec().hostnetwork()) return {context_.node.node_ip};
  return {};
}

volumes::DownwardContext PodWorker::Downward(const std::vector<std::string>& pod_ips) const {
  const PodLimit memory = PodLimitOf(*pod_, "memory");
  return {.host_ip = context_.node.node_ip,
          .pod_ips = pod_ips,
          .allocatable = context_.node.allocatable,
          .memory_limit_bytes = memory.complete ? memory.value : 0};
}

}  // namespace wherry::nodeagent::lifecycle
