#include "lib/client/informer.h"

#include "lib/api/object_meta.h"
#include "lib/client/reflector.h"
#include "proto/api/meta/v1.pb.h"

#include <set>
#include <unordered_map>
#include <unordered_set>

namespace wherry::client {
namespace {

// Lets maps with std::string keys be asked with a string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

template <typename T>
using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

// One index: for each value, the keys of the objects that have it, in order.
struct Index {
  Informer::IndexFunction function;
  StringMap<std::set<std::string>> keys;
};

}  // namespace

std::string KeyOf(const google::protobuf::Message& object) {
  const auto& meta = api::MetaOf(object);
  return KeyOf(meta.namespace_(), meta.name());
}

std::string KeyOf(std::string_view ns, std::string_view name) {
  if (ns.empty()) return std::string(name);
  std::string key(ns);
  key += '/';
  key += name;
  return key;
}

struct Informer::Impl {
  Impl(World& world, ApiClient& client, const api::KindInfo& kind, std::string ns,
       ListOptions selectors)
      : changed(world.loop),
        reflector(world, client, kind, std::move(ns), std::move(selectors),
                  {.replace = [this](auto listed) { Replace(std::move(listed)); },
                   .apply = [this](const WatchEvent& event) { Apply(event); }}),
        scope(world.loop) {}

  void Replace(std::vector<MessagePtr> listed) {
    std::unordered_set<std::string> present;
    for (const MessagePtr& object : listed) present.insert(KeyOf(*object));
    std::vector<std::string> gone;
    for (const auto& [key, object] : objects) {
      if (!present.contains(key)) gone.push_back(key);
    }
    // First: what is new may have taken the place of what is gone.
    for (const std::string& key : gone) Remove(key, nullptr);
    for (MessagePtr& object : listed) Store(KeyOf(*object), std::move(object));
    synced = true;
    changed.Notify();
  }

  void Apply(const WatchEvent& event) {
    std::string key = KeyOf(*event.object);
    if (event.type == WatchEvent::Type::kDeleted) {
      Remove(key, event.object);
    } else {
      Store(std::move(key), event.object);
    }
  }

  void Store(std::string key, MessagePtr object) {
    MessagePtr& slot = objects[key];
    MessagePtr old = slot;
    // A relist shows again what is known already.
    if (old && api::MetaOf(*old).resourceversion() == api::MetaOf(*object).resourceversion() &&
        api::MetaOf(*old).uid() == api::MetaOf(*object).uid()) {
      return;
    }
    slot = object;
    if (old) RemoveFromIndexes(key, *old);
    for (auto& [name, index] : indexes) {
      for (std::string& value : index.function(*object)) {
        index.keys[std::move(value)].insert(key);
      }
    }
    for (const Handlers& handler : handlers) {
      if (handler.on_change) handler.on_change(old, object);
    }
  }

  // `last` is the object as the deletion showed it, null when only its absence was seen.
  void Remove(const std::string& key, MessagePtr last) {
    auto it = objects.find(key);
    if (it == objects.end()) return;
    const MessagePtr known = std::move(it->second);
    RemoveFromIndexes(key, *known);
    objects.erase(it);
    if (!last) last = known;
    for (const Handlers& handler : handlers) {
      if (handler.on_delete) handler.on_delete(last);
    }
  }

  void RemoveFromIndexes(const std::string& key, const google::protobuf::Message& object) {
    for (auto& [name, index] : indexes) {
      for (const std::string& value : index.function(object)) {
        auto found = index.keys.find(value);
        if (found == index.keys.end()) continue;
        found->second.erase(key);
        if (found->second.empty()) index.keys.erase(found);
      }
    }
  }

  StringMap<MessagePtr> objects;
  std::map<std::string, Index, std::less<>> indexes;
  std::vector<Handlers> handlers;
  bool started = false;
  bool synced = false;
  Notifier changed;
  Reflector reflector;
  TaskScope scope;  // last: its task uses all of the above
};

Informer::Informer(World& world, ApiClient& client, const api::KindInfo& kind, std::string ns,
                   ListOptions selectors)
    : impl_(std::make_unique<Impl>(world, client, kind, std::move(ns), std::move(selectors))) {}
Informer::~Informer() = default;

void Informer::AddHandlers(Handlers handlers) {
  CHECK(!impl_->started);
  impl_->handlers.push_back(std::move(handlers));
}

void Informer::AddIndex(std::string name, IndexFunction function) {
  CHECK(!impl_->started);
  impl_->indexes.emplace(std::move(name), Index{std::move(function), {}});
}

void Informer::Start() {
  CHECK(!impl_->started);
  impl_->started = true;
  impl_->scope.Spawn("informer", impl_->reflector.Run());
}

bool Informer::HasSynced() const { return impl_->synced; }

Task<void> Informer::WaitForSync() {
  while (!impl_->synced) co_await impl_->changed.Wait();
}

MessagePtr Informer::Get(std::string_view key) const {
  auto it = impl_->objects.find(key);
  return it == impl_->objects.end() ? nullptr : it->second;
}

std::vector<MessagePtr> Informer::List() const {
  std::vector<MessagePtr> all;
  all.reserve(impl_->objects.size());
  for (const auto& [key, object] : impl_->objects) all.push_back(object);
  return all;
}

std::vector<MessagePtr> Informer::ByIndex(std::string_view index, std::string_view value) const {
  auto by_name = impl_->indexes.find(index);
  CHECK_THAT(by_name != impl_->indexes.end(), std::string(index));
  std::vector<MessagePtr> found;
  auto keys = by_name->second.keys.find(value);
  if (keys == by_name->second.keys.end()) return found;
  found.reserve(keys->second.size());
  for (const std::string& key : keys->second) found.push_back(Get(key));
  return found;
}

size_t Informer::size() const { return impl_->objects.size(); }

}  // namespace wherry::client
