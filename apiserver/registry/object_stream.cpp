#include "apiserver/registry/object_stream.h"

#include "apiserver/storage/cacher/cacher.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"

#include <utility>

namespace wherry::apiserver::registry {

namespace {

const telemetry::Logger kLog("apiserver");
constexpr std::chrono::seconds kRetry{1};

}  // namespace

Task<Result<ObjectStream::Batch>> ObjectStream::List() {
  storage::ObjectListOptions all;
  all.selection.prefix = resource_.key_prefix;
  auto listing = store_.cacher().ListObjects(std::move(all));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  storage::Selection selection;
  selection.prefix = resource_.key_prefix;
  CO_TRY(watcher_, store_.cacher().WatchObjects(std::move(selection), listed.revision));
  Batch batch{.anew = true, .items = {}};
  for (auto& object : listed.items) {
    batch.items.push_back(
        {.type = storage::WatchType::kAdded, .object = std::move(object), .previous = nullptr});
  }
  co_return batch;
}

Task<ObjectStream::Batch> ObjectStream::Next() {
  while (true) {
    if (watcher_ == nullptr) {
      auto listing = List();
      auto listed = co_await std::move(listing);
      if (listed.ok()) co_return std::move(listed).value();
      kLog.Warn("objects not read",
                {{"resource", resource_.name().String()}, {"error", listed.error().message}});
      co_await SleepFor(store_.world().loop, kRetry);
      continue;
    }
    auto waiting = watcher_->Next();
    auto changes = co_await std::move(waiting);
    if (!changes.ok()) {
      kLog.Warn("watch broken",
                {{"resource", resource_.name().String()}, {"error", changes.error().message}});
      watcher_ = nullptr;
      // One that breaks before it told anything would be listed for without a pause.
      if (std::exchange(relisted_, true)) co_await SleepFor(store_.world().loop, kRetry);
      continue;
    }
    relisted_ = false;
    Batch batch;
    for (const storage::WatchItem& change : *changes)
      batch.items.push_back({change.type, change.object(), change.event->previous()});
    co_return batch;
  }
}

}  // namespace wherry::apiserver::registry
