#include "apiserver/forget_nodes.h"

#include "apiserver/registry/object_stream.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

#include <set>
#include <string>
#include <utility>

namespace wherry::apiserver {

Task<void> ForgetDeletedNodes(registry::Store& store, nodeconnect::NodeConnections& connections) {
  const auto& resource = *store.resources().Find(api::KindOf<api::core::v1::Node>());
  registry::ObjectStream nodes(store, resource);
  std::set<std::string> known;
  while (true) {
    auto waiting = nodes.Next();
    const registry::ObjectStream::Batch batch = co_await std::move(waiting);
    std::set<std::string> gone;
    if (batch.anew) gone = std::exchange(known, {});
    for (const auto& item : batch.items) {
      std::string name = item.object->key().substr(resource.key_prefix.size());
      const bool deleted = item.type == storage::WatchType::kDeleted;
      (deleted ? known : gone).erase(name);
      (deleted ? gone : known).insert(std::move(name));
    }
    for (const std::string& name : gone) connections.Forget(name);
  }
}

}  // namespace wherry::apiserver
