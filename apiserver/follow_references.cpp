#include "apiserver/follow_references.h"

#include "lib/api/kind_registry.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver {

namespace core = api::core::v1;

namespace {

const telemetry::Logger kLog("apiserver");

// A change of a pod that leaves it where it was: what it refers to stays. No parsing. Only pods
// have the field: a volume changes what it is bound to.
bool StaysOnNode(const registry::ObjectStream::Item& item) {
  if (item.type != storage::WatchType::kModified || !item.previous) return false;
  const auto node = item.object->field("spec.nodeName");
  return node && item.previous->field("spec.nodeName") == node;
}

// It refers to nothing, or not any more: gone, or a pod that no node has yet. No parsing.
bool RefersToNothing(const registry::ObjectStream::Item& item) {
  if (item.type == storage::WatchType::kDeleted) return true;
  const auto node = item.object->field("spec.nodeName");
  return node && node->empty();
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

Task<void> ReferenceFollower::Start() {
  for (const Kind* kind : {&pods_, &volumes_}) {
    auto stream = std::make_unique<registry::ObjectStream>(store_, *kind->resource);
    auto listing = stream->Next();
    const registry::ObjectStream::Batch present = co_await std::move(listing);
    Take(*kind, present);
    tasks_.Spawn("references", Follow(*kind, std::move(stream)));
  }
}

void ReferenceFollower::Take(const Kind& kind, const registry::ObjectStream::Batch& batch) {
  if (batch.anew) kind.clear();
  for (const auto& item : batch.items) {
    if (StaysOnNode(item)) continue;
    if (RefersToNothing(item)) {
      const std::string rest = item.object->key().substr(kind.resource->key_prefix.size());
      const size_t slash = rest.find('/');
      const bool in_namespace = slash != std::string::npos;
      kind.remove(in_namespace ? rest.substr(0, slash) : "",
                  in_namespace ? rest.substr(slash + 1) : rest);
      continue;
    }
    auto message = item.object->message();
    if (message.ok()) {
      kind.set(**message);
    } else {
      kLog.Warn("references not read",
                {{"key", item.object->key()}, {"error", message.error().message}});
    }
  }
}

Task<void> ReferenceFollower::Follow(const Kind& kind,
                                     std::unique_ptr<registry::ObjectStream> stream) {
  while (true) {
    auto waiting = stream->Next();
    const registry::ObjectStream::Batch changes = co_await std::move(waiting);
    Take(kind, changes);
  }
}

}  // namespace wherry::apiserver
