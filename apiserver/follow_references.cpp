#include "apiserver/follow_references.h"

#include "lib/api/kind_registry.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver {

namespace core = api::core::v1;

namespace {

const telemetry::Logger kLog("apiserver");
constexpr size_t kTakenPerTurn = 200;

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
      references_(references),
      pods_{.resource = store.resources().Find(api::KindOf<core::Pod>()),
            .set =
                [](authz::NodeReferences& index, const registry::Message& pod) {
                  index.SetPod(registry::Typed<core::Pod>(pod));
                },
            .remove = [](authz::NodeReferences& index, const std::string& ns,
                         const std::string& name) { index.RemovePod(ns, name); },
            .take = &authz::NodeReferences::TakePods},
      volumes_{.resource = store.resources().Find(api::KindOf<core::PersistentVolume>()),
               .set =
                   [](authz::NodeReferences& index, const registry::Message& volume) {
                     index.SetVolume(registry::Typed<core::PersistentVolume>(volume));
                   },
               .remove = [](authz::NodeReferences& index, const std::string&,
                            const std::string& name) { index.RemoveVolume(name); },
               .take = &authz::NodeReferences::TakeVolumes},
      tasks_(store.world().loop) {}

Task<void> ReferenceFollower::Start() {
  for (const Kind* kind : {&pods_, &volumes_}) {
    auto stream = std::make_unique<registry::ObjectStream>(store_, *kind->resource);
    auto listing = stream->Next();
    const registry::ObjectStream::Batch present = co_await std::move(listing);
    auto taking = Take(*kind, present);
    co_await std::move(taking);
    tasks_.Spawn("references", Follow(*kind, std::move(stream)));
  }
}

void ReferenceFollower::TakeOne(const Kind& kind, const registry::ObjectStream::Item& item,
                                authz::NodeReferences& references) {
  if (StaysOnNode(item)) return;
  if (RefersToNothing(item)) {
    const std::string rest = item.object->key().substr(kind.resource->key_prefix.size());
    const size_t slash = rest.find('/');
    const bool in_namespace = slash != std::string::npos;
    return kind.remove(references, in_namespace ? rest.substr(0, slash) : "",
                       in_namespace ? rest.substr(slash + 1) : rest);
  }
  auto message = item.object->message();
  if (message.ok()) return kind.set(references, **message);
  kLog.Warn("references not read",
            {{"key", item.object->key()}, {"error", message.error().message}});
}

// Changes are taken in one turn, so that nobody acts on one before; a list is as long as it is.
Task<void> ReferenceFollower::Take(const Kind& kind, const registry::ObjectStream::Batch& batch) {
  if (!batch.anew) {
    for (const auto& item : batch.items) TakeOne(kind, item, references_);
    co_return;
  }
  authz::NodeReferences anew;
  for (size_t i = 0; i < batch.items.size(); ++i) {
    TakeOne(kind, batch.items[i], anew);
    if (i % kTakenPerTurn == kTakenPerTurn - 1) co_await Yield(store_.world().loop);
  }
  (references_.*kind.take)(std::move(anew));
}

Task<void> ReferenceFollower::Follow(const Kind& kind,
                                     std::unique_ptr<registry::ObjectStream> stream) {
  while (true) {
    auto waiting = stream->Next();
    const registry::ObjectStream::Batch changes = co_await std::move(waiting);
    auto taking = Take(kind, changes);
    co_await std::move(taking);
  }
}

}  // namespace wherry::apiserver
