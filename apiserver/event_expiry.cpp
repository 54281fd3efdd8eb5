#include "apiserver/event_expiry.h"

#include "apiserver/storage/cacher/cacher.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"

#include <deque>

namespace wherry::apiserver {

namespace {

const telemetry::Logger kLog("apiserver");
constexpr std::chrono::seconds kInterval{60};
constexpr size_t kBatch = 500;

struct Sample {
  MonotonicTime time;
  storage::Revision revision;
};

Task<Status> RemoveUpTo(registry::Store& store, const registry::Resource& resource,
                        storage::Revision oldest_kept) {
  storage::ObjectListOptions all;
  all.selection.prefix = resource.key_prefix;
  all.selection.matches = [oldest_kept](const storage::CachedObject& object) {
    return object.revision() <= oldest_kept;
  };
  auto listing = store.cacher().ListObjects(std::move(all));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  std::vector<storage::CompareAndSet> batch;
  for (size_t i = 0; i < listed.items.size(); ++i) {
    storage::CompareAndSet removal;
    removal.key = listed.items[i]->key();
    removal.expected = listed.items[i]->revision();
    batch.push_back(std::move(removal));
    if (batch.size() < kBatch && i + 1 < listed.items.size()) continue;
    auto writing = store.cacher().WriteObjects(std::exchange(batch, {}));
    CO_TRY_STATUS(co_await std::move(writing));
  }
  co_return Ok();
}

}  // namespace

Task<void> ExpireEvents(registry::Store& store, std::chrono::seconds ttl) {
  std::deque<Sample> samples;
  Loop& loop = store.world().loop;
  while (true) {
    samples.push_back({loop.MonotonicNow(), store.cacher().CurrentRevision()});
    storage::Revision expired = 0;
    while (!samples.empty() && loop.MonotonicNow() - samples.front().time >= ttl) {
      expired = samples.front().revision;
      samples.pop_front();
    }
    if (expired > 0) {
      auto removing = RemoveUpTo(store, *store.resources().Find("", "v1", "events"), expired);
      auto removed = co_await std::move(removing);
      if (!removed.ok()) {
        kLog.Warn("expired events not removed", {{"error", removed.error().message}});
      }
    }
    co_await SleepFor(loop, kInterval);
  }
}

}  // namespace wherry::apiserver
