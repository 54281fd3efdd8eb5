#include "apiserver/follow_references.h"

#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver {

namespace core = api::core::v1;

namespace {

const telemetry::Logger kLog("apiserver");
constexpr std::chrono::seconds kRetry{1};

// A change of a pod that leaves it where it was: what it refers to stays. No parsing.
bool StaysOnNode(const storage::WatchItem& item) {
  const auto& previous = item.event->previous();
  return item.type == storage::WatchType::kModified && previous &&
         previous->field("spec.nodeName") == item.object()->field("spec.nodeName");
}

}  // namespace

ReferenceFollower::ReferenceFollower(registry::Store& store, authz::NodeReferences& references)
    : store_(store),
      pods_{.resource = store.resources().Find(api::KindOf<core::Pod>()),
            .clear = [&references] { references.ClearPods(); },
            .set = [&references](
                       const auto& pod) { references.SetPod(registry::Typed<core::Pod>(pod)); },
            .remove = [&references](const auto& ns,
                                    const auto& name) { references.RemovePod(ns, name); }},
      volumes_{.resource = store.resources().Find(api::KindOf<core::PersistentVolume>()),
               .clear = [&references] { references.ClearVolumes(); },
               .set =
                   [&references](const auto& volume) {
                     references.SetVolume(registry::Typed<core::PersistentVolume>(volume));
                   },
               .remove = [&references](const auto&,
                                       const auto& name) { references.RemoveVolume(name); }},
      tasks_(store.world().loop) {}

Task<Status> ReferenceFollower::Start() {
  for (const Kind* kind : {&pods_, &volumes_}) {
    auto listing = List(*kind);
    CO_TRY(WatcherPtr watcher, co_await std::move(listing));
    tasks_.Spawn("references", Follow(*kind, std::move(watcher)));
  }
  co_return Ok();
}

Task<Result<ReferenceFollower::WatcherPtr>> ReferenceFollower::List(const Kind& kind) {
  storage::ObjectListOptions all;
  all.selection.prefix = kind.resource->key_prefix;
  auto listing = store_.cacher().ListObjects(std::move(all));
  CO_TRY(storage::ObjectList listed, co_await std::move(listing));
  kind.clear();
  for (const auto& object : listed.items) {
    CO_TRY(auto message, object->message());
    kind.set(*message);
  }
  storage::Selection selection;
  selection.prefix = kind.resource->key_prefix;
  co_return store_.cacher().WatchObjects(std::move(selection), listed.revision);
}

Task<void> ReferenceFollower::Follow(const Kind& kind, WatcherPtr watcher) {
  while (true) {
    auto waiting = watcher->Next();
    auto items = co_await std::move(waiting);
    while (!items.ok()) {
      auto listing = List(kind);
      auto again = co_await std::move(listing);
      if (again.ok()) {
        watcher = std::move(*again);
        break;
      }
      kLog.Warn("pods' references not read", {{"error", again.error().message}});
      co_await SleepFor(store_.world().loop, kRetry);
    }
    if (!items.ok()) continue;
    for (const auto& item : *items) {
      if (item.type == storage::WatchType::kDeleted) {
        const std::string rest = item.object()->key().substr(kind.resource->key_prefix.size());
        const size_t slash = rest.find('/');
        const bool in_namespace = slash != std::string::npos;
        kind.remove(in_namespace ? rest.substr(0, slash) : "",
                    in_namespace ? rest.substr(slash + 1) : rest);
        continue;
      }
      if (StaysOnNode(item)) continue;
      auto message = item.object()->message();
      if (message.ok()) kind.set(**message);
    }
  }
}

}  // namespace wherry::apiserver
