#include "nodeagent/volumes/object_cache.h"

#include "lib/api/kind_registry.h"
#include "lib/client/informer.h"
#include "lib/loop/sync.h"
#include "lib/loop/with_timeout.h"
#include "proto/api/core/v1.pb.h"

#include <chrono>

namespace wherry::nodeagent::volumes {

namespace core = api::core::v1;

namespace {

constexpr std::chrono::seconds kWaitMax{10};

}  // namespace

ObjectCache::ObjectCache(World& world, client::ApiClient& client,
                         std::function<void(const std::string&)> on_change)
    : world_(world), client_(client), on_change_(std::move(on_change)), tokens_(world, client) {}

ObjectCache::~ObjectCache() = default;

std::set<ObjectCache::Reference> ObjectCache::ReferencesOf(const core::Pod& pod) {
  std::set<Reference> references;
  const std::string& ns = pod.metadata().namespace_();
  auto add = [&](ObjectKind kind, const std::string& name) {
    if (!name.empty()) references.insert(Reference{kind, ns, name});
  };
  auto add_container = [&](const core::Container& container) {
    for (const auto& source : container.envfrom()) {
      add(ObjectKind::kConfigMap, source.configmapref().localobjectreference().name());
      add(ObjectKind::kSecret, source.secretref().localobjectreference().name());
    }
    for (const auto& variable : container.env()) {
      const auto& from = variable.valuefrom();
      add(ObjectKind::kConfigMap, from.configmapkeyref().localobjectreference().name());
      add(ObjectKind::kSecret, from.secretkeyref().localobjectreference().name());
    }
  };
  for (const auto& container : pod.spec().initcontainers()) add_container(container);
  for (const auto& container : pod.spec().containers()) add_container(container);
  for (const auto& secret : pod.spec().imagepullsecrets()) add(ObjectKind::kSecret, secret.name());
  for (const auto& volume : pod.spec().volumes()) {
    const auto& source = volume.volumesource();
    add(ObjectKind::kConfigMap, source.configmap().localobjectreference().name());
    add(ObjectKind::kSecret, source.secret().secretname());
    for (const auto& part : source.projected().sources()) {
      add(ObjectKind::kConfigMap, part.configmap().localobjectreference().name());
      add(ObjectKind::kSecret, part.secret().localobjectreference().name());
    }
  }
  return references;
}

void ObjectCache::Watch(const Reference& reference, Entry* entry) {
  const api::KindInfo& kind = reference.kind == ObjectKind::kConfigMap
                                  ? api::KindOf<core::ConfigMap>()
                                  : api::KindOf<core::Secret>();
  client::ListOptions only;
  only.field_selector = "metadata.name=" + reference.name;
  entry->informer =
      std::make_unique<client::Informer>(world_, client_, kind, reference.ns, std::move(only));
  auto tell = [this, reference] {
    auto found = entries_.find(reference);
    if (found == entries_.end()) return;
    const std::set<std::string> pods = found->second.pods;
    for (const auto& uid : pods) on_change_(uid);
  };
  client::Informer::Handlers handlers;
  handlers.on_change = [tell](const client::MessagePtr&, const client::MessagePtr&) { tell(); };
  handlers.on_delete = [tell](const client::MessagePtr&) { tell(); };
  entry->informer->AddHandlers(std::move(handlers));
  entry->informer->Start();
}

void ObjectCache::AddPod(const core::Pod& pod) {
  const std::string& uid = pod.metadata().uid();
  if (by_pod_.contains(uid)) return;  // references of a pod do not change
  std::set<Reference> references = ReferencesOf(pod);
  for (const auto& reference : references) {
    Entry& entry = entries_[reference];
    entry.pods.insert(uid);
    if (!entry.informer) Watch(reference, &entry);
  }
  by_pod_[uid] = std::move(references);
}

void ObjectCache::RemovePod(const std::string& uid) {
  tokens_.RemovePod(uid);
  auto found = by_pod_.find(uid);
  if (found == by_pod_.end()) return;
  for (const auto& reference : found->second) {
    auto entry = entries_.find(reference);
    if (entry == entries_.end()) continue;
    entry->second.pods.erase(uid);
    if (!entry->second.pods.empty()) continue;
    // The informer may be calling us at this moment: it goes in a later turn.
    std::shared_ptr<client::Informer> ended = std::move(entry->second.informer);
    world_.loop.Post([ended] {});
    entries_.erase(entry);
  }
  by_pod_.erase(found);
}

Task<void> ObjectCache::WaitForPod(std::string uid) {
  auto found = by_pod_.find(uid);
  if (found == by_pod_.end()) co_return;
  const std::set<Reference> references = found->second;
  const MonotonicTime deadline = world_.loop.MonotonicNow() + kWaitMax;
  for (const auto& reference : references) {
    auto entry = entries_.find(reference);
    if (entry == entries_.end() || !entry->second.informer) continue;
    if (entry->second.informer->HasSynced()) continue;
    const auto left = deadline - world_.loop.MonotonicNow();
    if (left <= std::chrono::nanoseconds(0)) co_return;
    auto wait = [](Task<void> sync) -> Task<Result<Unit>> {
      co_await std::move(sync);
      co_return Unit{};
    };
    auto waiting =
        WithTimeout<Unit>(world_.loop, left, wait(entry->second.informer->WaitForSync()));
    auto synced = co_await std::move(waiting);
    Ignore(synced, "what is unknown by then is an error of the pod's next step");
  }
}

Result<client::MessagePtr> ObjectCache::Find(const Reference& reference) const {
  const char* what = reference.kind == ObjectKind::kConfigMap ? "configmap" : "secret";
  auto entry = entries_.find(reference);
  if (entry == entries_.end() || !entry->second.informer->HasSynced())
    return MakeError(Reason::kServiceUnavailable,
                     "failed to sync " + std::string(what) + " cache: timed out waiting");
  client::MessagePtr object =
      entry->second.informer->Get(client::KeyOf(reference.ns, reference.name));
  if (!object)
    return MakeError(Reason::kNotFound,
                     std::string(what) + " \"" + reference.name + "\" not found");
  return object;
}

Result<std::shared_ptr<const core::ConfigMap>> ObjectCache::ConfigMap(
    const std::string& ns, const std::string& name) const {
  TRY(client::MessagePtr object, Find(Reference{ObjectKind::kConfigMap, ns, name}));
  return std::static_pointer_cast<const core::ConfigMap>(std::move(object));
}

Result<std::shared_ptr<const core::Secret>> ObjectCache::Secret(const std::string& ns,
                                                                const std::string& name) const {
  TRY(client::MessagePtr object, Find(Reference{ObjectKind::kSecret, ns, name}));
  return std::static_pointer_cast<const core::Secret>(std::move(object));
}

Result<std::string> ObjectCache::ServiceAccountToken(
    const core::Pod& pod, const core::ServiceAccountTokenProjection& source) const {
  return tokens_.Find(pod, source);
}

}  // namespace wherry::nodeagent::volumes
