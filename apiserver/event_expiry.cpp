#include "apiserver/event_expiry.h"

#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/time.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace wherry::apiserver {

namespace {

const telemetry::Logger kLog("apiserver");
constexpr std::chrono::seconds kInterval{60};
constexpr size_t kBatch = 500;
constexpr size_t kParsedPerTurn = 200;

struct Sample {
  MonotonicTime time;
  storage::Revision revision;
};

// An event that was there when this process began.
struct Inherited {
  WallTime expires;
  storage::Key key;
  storage::Revision revision;
};

// When it was written last, as far as the event itself tells.
WallTime LastWritten(const api::core::v1::Event& event, WallTime now) {
  WallTime last = api::ToWallClock(event.metadata().creationtimestamp());
  if (event.has_lasttimestamp()) last = std::max(last, api::ToWallClock(event.lasttimestamp()));
  if (event.has_eventtime()) last = std::max(last, api::ToWallClock(event.eventtime()));
  if (event.series().has_lastobservedtime())
    last = std::max(last, api::ToWallClock(event.series().lastobservedtime()));
  return std::min(last, now);
}

// All events that are there now, the one that expires first last.
Task<Result<std::vector<Inherited>>> ListInherited(registry::Store& store,
                                                   const registry::Resource& resource,
                                                   std::chrono::seconds ttl) {
  std::vector<Inherited> found;
  storage::ObjectListOptions all;
  all.selection.prefix = resource.key_prefix;
  auto listing = store.cacher().ListObjects(std::move(all));
  CO_TRY(const storage::ObjectList listed, co_await std::move(listing));
  const WallTime now = store.world().clock.Now();
  for (size_t i = 0; i < listed.items.size(); ++i) {
    if (i % kParsedPerTurn == kParsedPerTurn - 1) co_await Yield(store.world().loop);
    const storage::ObjectPtr& object = listed.items[i];
    const auto message = object->message();
    if (!message.ok()) continue;
    const auto& event = registry::Typed<api::core::v1::Event>(**message);
    found.push_back({LastWritten(event, now) + ttl, object->key(), object->revision()});
  }
  std::sort(found.begin(), found.end(),
            [](const Inherited& a, const Inherited& b) { return a.expires > b.expires; });
  co_return found;
}

// Those that have been written since are left alone.
Task<Status> Remove(registry::Store& store, std::vector<storage::CompareAndSet> removals) {
  std::vector<storage::CompareAndSet> batch;
  for (size_t i = 0; i < removals.size(); ++i) {
    batch.push_back(std::move(removals[i]));
    if (batch.size() < kBatch && i + 1 < removals.size()) continue;
    auto writing = store.cacher().WriteObjects(std::exchange(batch, {}));
    CO_TRY_STATUS(co_await std::move(writing));
  }
  co_return Ok();
}

storage::CompareAndSet Removal(storage::Key key, storage::Revision revision) {
  storage::CompareAndSet removal;
  removal.key = std::move(key);
  removal.expected = revision;
  return removal;
}

Task<Status> RemoveUpTo(registry::Store& store, const registry::Resource& resource,
                        storage::Revision oldest_kept) {
  storage::ObjectListOptions all;
  all.selection.prefix = resource.key_prefix;
  all.selection.matches = [oldest_kept](const storage::CachedObject& object) {
    return object.revision() <= oldest_kept;
  };
  auto listing = store.cacher().ListObjects(std::move(all));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  std::vector<storage::CompareAndSet> removals;
  for (const auto& object : listed.items) {
    removals.push_back(Removal(object->key(), object->revision()));
  }
  auto removing = Remove(store, std::move(removals));
  co_return co_await std::move(removing);
}

Task<Status> RemoveExpired(registry::Store& store, std::vector<Inherited>& inherited) {
  std::vector<storage::CompareAndSet> removals;
  const WallTime now = store.world().clock.Now();
  for (auto last = inherited.rbegin(); last != inherited.rend() && last->expires <= now; ++last)
    removals.push_back(Removal(last->key, last->revision));
  const auto count = static_cast<std::ptrdiff_t>(removals.size());
  auto removing = Remove(store, std::move(removals));
  CO_TRY_STATUS(co_await std::move(removing));
  inherited.erase(inherited.end() - count, inherited.end());
  co_return Ok();
}

void WarnOf(const Status& removed) {
  if (removed.ok()) return;
  kLog.Warn("expired events not removed", {{"error", removed.error().message}});
}

}  // namespace

Task<void> ExpireEvents(registry::Store& store, std::chrono::seconds ttl) {
  const registry::Resource& resource = *store.resources().Find("", "v1", "events");
  std::deque<Sample> samples;
  Loop& loop = store.world().loop;
  std::optional<std::vector<Inherited>> inherited;
  while (true) {
    if (!inherited) {
      auto listing = ListInherited(store, resource, ttl);
      auto listed = co_await std::move(listing);
      if (listed.ok()) {
        inherited = std::move(listed).value();
      } else {
        kLog.Warn("events not listed", {{"error", listed.error().message}});
      }
    }
    samples.push_back({loop.MonotonicNow(), store.cacher().CurrentRevision()});
    storage::Revision expired = 0;
    while (!samples.empty() && loop.MonotonicNow() - samples.front().time >= ttl) {
      expired = samples.front().revision;
      samples.pop_front();
    }
    if (expired > 0) {
      auto removing = RemoveUpTo(store, resource, expired);
      WarnOf(co_await std::move(removing));
    }
    if (inherited) {
      auto removing = RemoveExpired(store, *inherited);
      WarnOf(co_await std::move(removing));
    }
    co_await SleepFor(loop, kInterval);
  }
}

}  // namespace wherry::apiserver
