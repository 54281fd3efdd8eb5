#include "apiserver/forget_nodes.h"

#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver {

Task<void> ForgetDeletedNodes(registry::Store& store, nodeconnect::NodeConnections& connections) {
  constexpr std::chrono::seconds kRetry{1};
  const auto& resource = *store.resources().Find(api::KindOf<api::core::v1::Node>());
  while (true) {
    storage::Selection selection;
    selection.prefix = resource.key_prefix;
    auto watching =
        store.cacher().WatchObjects(std::move(selection), store.cacher().CurrentRevision());
    while (watching.ok()) {
      auto waiting = (*watching)->Next();
      auto items = co_await std::move(waiting);
      if (!items.ok()) break;
      for (const auto& item : *items) {
        if (item.type != storage::WatchType::kDeleted) continue;
        connections.Forget(item.object()->key().substr(resource.key_prefix.size()));
      }
    }
    co_await SleepFor(store.world().loop, kRetry);
  }
}

}  // namespace wherry::apiserver
