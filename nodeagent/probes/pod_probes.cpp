#include "nodeagent/probes/pod_probes.h"

#include "lib/loop/sync.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <set>
#include <vector>

namespace wherry::nodeagent::probes {

namespace {

constexpr std::chrono::milliseconds kFirstQuietWait{25};
// Programs need a moment before they answer: tries before this that fail are quiet.
constexpr std::chrono::seconds kFirstTick{1};

}  // namespace

struct PodProbes::Spec {
  runtime::PodUid uid;
  std::string container;
  std::string pod_ip;
  api::core::v1::Container container_spec;
  api::core::v1::Probe probe;
  ProbeSpec schedule;
  bool waits_for_startup = false;
  MonotonicTime started_at;
};

struct PodProbes::Watched {
  explicit Watched(Loop& loop) : fatal(loop), readiness(loop), started(loop) {}
  TaskScope fatal;  // startup and liveness: failing them kills the container
  TaskScope readiness;
  Notifier started;
};

PodProbes::PodProbes(World& world, Prober& prober, Callbacks callbacks)
    : world_(world), prober_(prober), callbacks_(std::move(callbacks)) {}
PodProbes::~PodProbes() = default;

void PodProbes::Seed(const std::string& container_id, ProbeResults results) {
  results_[container_id] = results;
}

void PodProbes::StopAll() {
  watched_.clear();
  results_.clear();
}

void PodProbes::StopLivenessAndStartup() {
  for (auto& [id, watched] : watched_) watched->fatal.Cancel();
  for (auto& [id, results] : results_) {
    results.liveness.reset();
    if (results.startup == false) results.startup.reset();
  }
}

void PodProbes::Sync(const api::core::v1::Pod& pod, const runtime::SandboxStatus& sandbox) {
  std::set<std::string> running;
  for (const auto& status : sandbox.containers) {
    if (status.state != runtime::ContainerState::kRunning) continue;
    running.insert(status.id);
    if (watched_.contains(status.id)) continue;
    const api::core::v1::Container* container = nullptr;
    for (const auto& candidate : pod.spec().containers())
      if (candidate.name() == status.name) container = &candidate;
    if (!container) continue;

    auto watched = std::make_unique<Watched>(world_.loop);
    const auto age = std::max(world_.clock.Now() - status.started_at, WallTime::duration(0));
    auto spawn = [&](ProbeType type, const api::core::v1::Probe& probe, TaskScope& scope) {
      auto spec = std::make_shared<Spec>();
      spec->uid = sandbox.config.uid;
      spec->container = status.name;
      if (!sandbox.ips.empty()) spec->pod_ip = sandbox.ips.front();
      if (spec->pod_ip.empty()) spec->pod_ip = pod.status().podip();
      if (spec->pod_ip.empty()) spec->pod_ip = "127.0.0.1";
      spec->container_spec = *container;
      spec->probe = probe;
      spec->schedule = SpecOf(probe);
      spec->waits_for_startup = container->has_startupprobe() && type != ProbeType::kStartup;
      spec->started_at =
          world_.loop.MonotonicNow() - std::chrono::duration_cast<MonotonicTime::duration>(age);
      scope.Spawn("probe", Run(status.id, type, spec));
    };
    if (container->has_startupprobe())
      spawn(ProbeType::kStartup, container->startupprobe(), watched->fatal);
    if (container->has_livenessprobe())
      spawn(ProbeType::kLiveness, container->livenessprobe(), watched->fatal);
    if (container->has_readinessprobe())
      spawn(ProbeType::kReadiness, container->readinessprobe(), watched->readiness);
    watched_[status.id] = std::move(watched);
  }
  for (auto entry = watched_.begin(); entry != watched_.end();) {
    if (running.contains(entry->first)) {
      ++entry;
      continue;
    }
    EndLater(std::move(entry->second));
    entry = watched_.erase(entry);
  }
  std::erase_if(results_, [&](const auto& entry) { return !running.contains(entry.first); });
}

void PodProbes::EndLater(std::unique_ptr<Watched> watched) {
  ended_.push_back(std::move(watched));
  if (ended_.size() > 1) return;
  world_.loop.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) ended_.clear();
  });
}

void PodProbes::Set(const std::string& id, ProbeType type, bool result) {
  if (!watched_.contains(id)) return;  // ended meanwhile
  ProbeResults& results = results_[id];
  std::optional<bool>& slot = type == ProbeType::kStartup    ? results.startup
                              : type == ProbeType::kLiveness ? results.liveness
                                                             : results.readiness;
  if (slot == result) return;
  slot = result;
  if (type == ProbeType::kStartup && result) {
    auto watched = watched_.find(id);
    if (watched != watched_.end()) watched->second->started.Notify();
  }
  callbacks_.on_result();
}

Task<void> PodProbes::WaitUntilStarted(std::string id) {
  while (results_[id].startup != true) {
    auto watched = watched_.find(id);
    if (watched == watched_.end()) co_return;
    co_await watched->second->started.Wait();
  }
}

Task<std::optional<bool>> PodProbes::Try(std::shared_ptr<const Spec> spec, ProbeType type,
                                         bool quiet, ThresholdCounter* counter) {
  ProbeReply reply;
  std::optional<ProbeTarget> target = TargetOf(spec->probe, spec->container_spec, spec->pod_ip);
  if (!target) {
    reply.output = "no handler with a port that exists";
  } else {
    auto question =
        prober_.Ask(std::move(*target), spec->uid, spec->container, spec->schedule.timeout);
    reply = co_await std::move(question);
  }
  const std::string name(ProbeTypeName(type));
  if (reply.warning)
    callbacks_.on_event(spec->container, "ProbeWarning", name + " probe warning: " + reply.output);
  if (quiet && reply.outcome != Outcome::kSuccess) co_return std::nullopt;
  if (reply.outcome == Outcome::kFailure)
    callbacks_.on_event(spec->container, "Unhealthy", name + " probe failed: " + reply.output);
  if (reply.outcome == Outcome::kUnknown)
    callbacks_.on_event(spec->container, "Unhealthy", name + " probe errored: " + reply.output);
  co_return counter->Count(reply.outcome);
}

Task<void> PodProbes::Run(std::string id, ProbeType type, std::shared_ptr<const Spec> spec) {
  if (spec->waits_for_startup) co_await WaitUntilStarted(id);
  ThresholdCounter counter(spec->schedule);
  const MonotonicTime first = spec->started_at + spec->schedule.initial_delay;
  if (first > world_.loop.MonotonicNow()) co_await SleepUntil(world_.loop, first);

  // In its first period a container is asked more often, so that it is ready as soon as it can be;
  // these quiet tries only count when they succeed. Successes in a row have to be a period apart.
  const bool eager = type != ProbeType::kLiveness && spec->schedule.initial_delay.count() == 0 &&
                     spec->schedule.success_threshold == 1;
  const MonotonicTime begin = world_.loop.MonotonicNow();
  const MonotonicTime quiet_end = begin + spec->schedule.period;
  MonotonicTime next = begin;
  if (eager) next += std::min<std::chrono::nanoseconds>(spec->schedule.period, kFirstTick);
  MonotonicTime next_quiet = begin;
  std::chrono::nanoseconds wait = kFirstQuietWait;
  bool succeeded = !eager || (results_[id].readiness == true && type == ProbeType::kReadiness);
  while (true) {
    const bool quiet = !succeeded && next_quiet < std::min(next, quiet_end);
    const MonotonicTime at = quiet ? next_quiet : next;
    if (at > world_.loop.MonotonicNow()) co_await SleepUntil(world_.loop, at);
    auto attempt = Try(spec, type, quiet, &counter);
    const std::optional<bool> result = co_await std::move(attempt);
    if (result) {
      Set(id, type, *result);
      succeeded = succeeded || *result;
      if (type == ProbeType::kStartup) co_return;
      if (type == ProbeType::kLiveness && !*result) co_return;
    }
    const MonotonicTime now = world_.loop.MonotonicNow();
    if (quiet) {
      next_quiet = now + wait;
      wait *= 2;
    } else {
      // A slow answer skips ticks, as a ticker does.
      do next += spec->schedule.period;
      while (next <= now);
    }
  }
}

}  // namespace wherry::nodeagent::probes
