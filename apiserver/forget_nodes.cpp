#include "apiserver/forget_nodes.h"

#include "apiserver/registry/object_stream.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver {

Task<void> ForgetDeletedNodes(registry::Store& store, nodeconnect::NodeConnections& connections) {
  const auto& resource = *store.resources().Find(api::KindOf<api::core::v1::Node>());
  registry::ObjectStream nodes(store, resource);
  while (true) {
    auto waiting = nodes.Next();
    const registry::ObjectStream::Batch batch = co_await std::move(waiting);
    for (const auto& item : batch.items) {
      if (item.type != storage::WatchType::kDeleted) continue;
      connections.Forget(item.object->key().substr(resource.key_prefix.size()));
    }
  }
}

}  // namespace wherry::apiserver
