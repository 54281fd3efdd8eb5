#include "nodeagent/lifecycle/status_manager.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/with_timeout.h"
#include "lib/telemetry/log.h"
#include "nodeagent/lifecycle/pod_status.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace wherry::nodeagent::lifecycle {

namespace {

const telemetry::Logger log("kubelet");

constexpr std::chrono::milliseconds kCreatingHold{10};
constexpr std::chrono::milliseconds kRetryMin{100};
constexpr std::chrono::seconds kRetryMax{10};

// Nothing in it that anyone waits for.
bool OnlyBeingCreated(const PodStatus& status) {
  if (status.phase() != "Pending") return false;
  for (const auto* list : {&status.containerstatuses(), &status.initcontainerstatuses()})
    for (const auto& entry : *list) {
      const std::string& reason = entry.state().waiting().reason();
      if (reason != "ContainerCreating" && reason != "PodInitializing") return false;
      if (entry.laststate().has_terminated()) return false;
    }
  return true;
}

uint64_t Version(const std::string& resource_version) {
  return std::strtoull(resource_version.c_str(), nullptr, 10);
}

// Without what belongs to others, and in a fixed order.
PodStatus Owned(const PodStatus& status) {
  PodStatus owned = status;
  owned.clear_conditions();
  owned.clear_nominatednodename();
  owned.clear_resourceclaimstatuses();
  owned.clear_resize();
  owned.clear_ephemeralcontainerstatuses();
  owned.clear_hostips();
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"})
    for (const auto& condition : status.conditions())
      if (condition.type() == type) {
        auto* copy = owned.add_conditions();
        *copy = condition;
        copy->clear_lastprobetime();
        copy->clear_lasttransitiontime();
      }
  return owned;
}

}  // namespace

struct StatusManager::Entry {
  explicit Entry(Loop& loop) : changed(loop) {}
  std::shared_ptr<const Pod> pod;
  PodStatus status;
  uint64_t version = 0;  // of `status`; 0: none was set
  uint64_t written = 0;
  std::string written_version;  // the resourceVersion that our last write made
  bool finished = false;
  bool writing = false;
  Notifier changed;

  bool DeleteDue() const { return finished && IsDeleted(*pod); }
};

std::string StatusPatch(const Pod& pod, const PodStatus& status) {
  json::Value document = api::ToDocument(status);
  // A null deletes. The pod at hand may be older than our last write, so it does not tell what is
  // there.
  for (const char* field : {"message", "reason", "podIP", "hostIP"})
    if (!document.contains(field)) document[field] = nullptr;
  // Conditions merge by type: what was said of one before must go.
  if (auto conditions = document.find("conditions"); conditions != document.end()) {
    for (json::Value& condition : *conditions)
      for (const char* field : {"message", "reason"})
        if (!condition.contains(field)) condition[field] = nullptr;
  }
  // podIPs merge by address: the old ones must go.
  if (document.contains("podIPs") && pod.status().podips_size() > 0)
    document["podIPs"].push_back({{"$patch", "replace"}});
  // Absent lists are emptied by a null too.
  for (const char* field : {"containerStatuses", "initContainerStatuses", "podIPs"})
    if (!document.contains(field)) document[field] = nullptr;
  document.erase("ephemeralContainerStatuses");
  json::Value patch;
  patch["metadata"]["uid"] = pod.metadata().uid();
  patch["status"] = std::move(document);
  return json::Dump(patch);
}

StatusManager::StatusManager(World& world, client::ApiClient& client)
    : world_(world), client_(client), writers_(world.loop) {}

StatusManager::~StatusManager() { writers_.Cancel(); }

const PodStatus* StatusManager::Find(const std::string& uid) const {
  auto found = entries_.find(uid);
  return found == entries_.end() || found->second->version == 0 ? nullptr : &found->second->status;
}

void StatusManager::SetPodStatus(std::shared_ptr<const Pod> pod, const PodStatus& status,
                                 bool finished) {
  const std::string& uid = pod->metadata().uid();
  auto& entry = entries_[uid];
  if (!entry) entry = std::make_unique<Entry>(world_.loop);
  const PodStatus& known = entry->version > 0 ? entry->status : pod->status();
  const bool same = SameStatus(Owned(known), Owned(status));
  entry->pod = std::move(pod);
  entry->finished = entry->finished || finished;
  if (!same || entry->version == 0) {
    entry->status = status;
    ++entry->version;
    if (same) entry->written = entry->version;
  }
  Kick(uid, entry.get());
}

void StatusManager::PodChanged(std::shared_ptr<const Pod> pod) {
  auto found = entries_.find(pod->metadata().uid());
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  entry.pod = std::move(pod);
  const bool newer =
      Version(entry.pod->metadata().resourceversion()) > Version(entry.written_version);
  if (!entry.writing && newer && entry.version > 0 && entry.written == entry.version &&
      !SameStatus(Owned(entry.pod->status()), Owned(entry.status)))
    ++entry.version;
  Kick(found->first, &entry);
}

void StatusManager::Forget(const std::string& uid) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  // A writer may be looking at the entry: it notices that its pod is no longer listed.
  found->second->changed.Notify();
  if (found->second->writing) {
    found->second->version = found->second->written = 0;
    found->second->finished = false;
  }
  if (!found->second->writing) entries_.erase(found);
}

void StatusManager::Kick(const std::string& uid, Entry* entry) {
  entry->changed.Notify();
  if (entry->writing) return;
  if (entry->written == entry->version && !entry->DeleteDue()) return;
  entry->writing = true;
  writers_.Spawn("pod status writer", Write(uid));
}

Task<Status> StatusManager::Send(std::shared_ptr<const Pod> pod, std::string patch,
                                 std::string* written_version) {
  auto sending =
      client_.Patch(api::KindOf<Pod>(), pod->metadata().namespace_(), pod->metadata().name(),
                    client::PatchType::kStrategicMerge, std::move(patch), "status");
  auto result = co_await std::move(sending);
  if (!result.ok()) co_return std::move(result).error();
  auto written = std::static_pointer_cast<const Pod>(std::move(result).value());
  *written_version = written->metadata().resourceversion();
  co_return Ok();
}

Task<void> StatusManager::Write(std::string uid) {
  std::chrono::nanoseconds retry = kRetryMin;
  Entry& entry = *entries_[uid];
  while (entry.written != entry.version || entry.DeleteDue()) {
    if (entry.written != entry.version && !entry.finished && OnlyBeingCreated(entry.status)) {
      const MonotonicTime until = world_.loop.MonotonicNow() + kCreatingHold;
      while (OnlyBeingCreated(entry.status) && !entry.finished &&
             world_.loop.MonotonicNow() < until) {
        // The condition is looked at again: the waiting starts in a later turn.
        auto change = [](Entry& held, uint64_t version) -> Task<Result<Unit>> {
          while (held.version == version && !held.finished) co_await held.changed.Wait();
          co_return Unit{};
        };
        auto wait = WithTimeout<Unit>(world_.loop, until - world_.loop.MonotonicNow(),
                                      change(entry, entry.version));
        auto waited = co_await std::move(wait);
        Ignore(waited, "both ends of the wait lead to the same look");
      }
      if (entry.version == 0) break;
    }
    const uint64_t version = entry.version;
    Status sent = Ok();
    if (entry.written != version) {
      auto sending = Send(entry.pod, StatusPatch(*entry.pod, entry.status), &entry.written_version);
      sent = co_await std::move(sending);
      if (sent.ok() && entry.version != 0) entry.written = version;
    } else {
      client::DeleteOptions options{.grace_period_seconds = 0, .uid = entry.pod->metadata().uid()};
      auto deletion = client_.Delete(api::KindOf<Pod>(), entry.pod->metadata().namespace_(),
                                     entry.pod->metadata().name(), std::move(options));
      sent = co_await std::move(deletion);
      if (sent.ok()) entry.finished = false;
    }
    if (entry.version == 0) break;
    if (sent.ok()) {
      retry = kRetryMin;
      continue;
    }
    const Reason reason = sent.error().reason;
    if (reason == Reason::kNotFound || reason == Reason::kConflict) {
      // The pod is gone, or its name belongs to another one: nobody is left to tell.
      entry.written = entry.version;
      entry.finished = false;
      continue;
    }
    log.Warn("pod status not written, will be retried",
             {{"pod", PodKey(*entry.pod)}, {"error", sent.error().message}});
    co_await SleepFor(world_.loop, retry);
    retry = std::min<std::chrono::nanoseconds>(retry * 2, kRetryMax);
  }
  entry.writing = false;
  if (entry.version == 0) entries_.erase(uid);
}

}  // namespace wherry::nodeagent::lifecycle
