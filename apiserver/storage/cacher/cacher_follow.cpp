#include "apiserver/storage/cacher/cacher_impl.h"

#include <chrono>
#include <utility>

namespace wherry::apiserver::storage {

Cacher::Impl::Impl(Loop& owner, Store& store, Options given)
    : loop(owner),
      wrapped(store),
      limits(given),
      window({given.window_events, given.window_bytes_max, given.hot_events}),
      changed(owner),
      scope(owner) {}

ObjectPtr Cacher::Impl::MakeObject(KeyValue kv) const {
  auto codec = index.CodecOf(kv.key);
  return std::make_shared<const CachedObject>(std::move(kv), std::move(codec));
}

// Reads a snapshot and takes it over in one step.
Task<Status> Cacher::Impl::Load() {
  ListOptions everything;
  CO_TRY(ListResult snapshot, co_await wrapped.List(std::move(everything)));
  ObjectTable loaded;
  for (KeyValue& kv : snapshot.items) loaded.Put(MakeObject(std::move(kv)));
  table = std::move(loaded);
  index.Clear();
  for (auto at = table.Seek(""); at.get() != nullptr; at.Advance()) index.Add(at.pointer());
  revision = snapshot.revision;
  window.Reset(revision);
  // Not before: who lists again at once must find what it missed.
  dispatcher.ForEach([](WatchSubscriber& subscriber) { subscriber.Expire(); });
  changed.Notify();
  co_return Ok();
}

// For ever: what the store commits appears here. When the store cannot say what happened (its
// history is gone), everything is read again.
Task<void> Cacher::Impl::Follow() {
  while (true) {
    auto watcher = wrapped.Watch("", revision);
    while (watcher.ok()) {
      auto events = co_await (*watcher)->Next();
      if (!events.ok()) break;
      for (const EventPtr& event : *events) Apply(*event);
      changed.Notify();
    }
    auto loaded = co_await Load();
    if (!loaded.ok()) co_await SleepFor(loop, std::chrono::seconds(1));
  }
}

void Cacher::Impl::Apply(const Event& event) {
  CHECK(event.revision == revision + 1);
  revision = event.revision;
  ObjectPtr object;
  ObjectPtr previous;
  if (event.type == Event::Type::kPut) {
    object = MakeObject(event.kv);
    previous = table.Put(object);
  } else {
    previous = table.Erase(event.kv.key);
    CHECK(previous);
  }
  if (previous) index.Remove(*previous);
  if (object) index.Add(object);
  auto shared = std::make_shared<const ObjectEvent>(event.revision, object, previous);
  if (auto it = in_flight.find(event.kv.key); it != in_flight.end())
    it->second.events.push_back(shared);
  window.Push(shared);
  dispatcher.Dispatch(shared);
}

void Cacher::Impl::Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec) {
  std::vector<ObjectPtr> affected;
  for (auto at = table.Seek(prefix); at.get() != nullptr && at.get()->key().starts_with(prefix);
       at.Advance())
    affected.push_back(at.pointer());
  for (const ObjectPtr& object : affected) index.Remove(*object);
  index.Register(std::move(prefix), std::move(codec));
  for (const ObjectPtr& object : affected) {
    ObjectPtr again = MakeObject(object->kv());
    index.Add(again);
    table.Put(std::move(again));
  }
}

void Cacher::Impl::Close() {
  closed = true;
  scope.Cancel();
  dispatcher.ForEach([](WatchSubscriber& subscriber) { subscriber.Wake(); });
}

}  // namespace wherry::apiserver::storage
