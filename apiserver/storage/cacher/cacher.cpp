#include "apiserver/storage/cacher/cacher.h"

#include "apiserver/storage/cacher/cacher_impl.h"
#include "apiserver/storage/revision_errors.h"

#include <algorithm>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

// While it lives, the events of its keys from now on are kept for whoever wrote them.
class InFlightGuard {
 public:
  InFlightGuard(std::shared_ptr<Cacher::Impl> cacher, std::vector<Key> keys)
      : cacher_(std::move(cacher)), keys_(std::move(keys)), began_(cacher_->revision) {
    for (const Key& key : keys_) cacher_->in_flight[key].began.push_back(began_);
  }
  ~InFlightGuard() {
    for (const Key& key : keys_) {
      auto it = cacher_->in_flight.find(key);
      auto& [began, events] = it->second;
      began.erase(std::find(began.begin(), began.end(), began_));
      if (began.empty()) {
        cacher_->in_flight.erase(it);
        continue;
      }
      while (!events.empty() && events.front()->revision() <= began.front()) events.pop_front();
    }
  }
  InFlightGuard(const InFlightGuard&) = delete;
  InFlightGuard& operator=(const InFlightGuard&) = delete;

  // Null when the cache was read anew between the write and its event.
  ObjectPtr Written(size_t write, Revision revision) const {
    const auto& events = cacher_->in_flight.at(keys_[write]).events;
    auto before = [](const ObjectEventPtr& event, Revision wanted) {
      return event->revision() < wanted;
    };
    auto found = std::lower_bound(events.begin(), events.end(), revision, before);
    if (found == events.end() || (*found)->revision() != revision) return nullptr;
    return (*found)->ObjectFor((*found)->type());
  }

 private:
  std::shared_ptr<Cacher::Impl> cacher_;
  std::vector<Key> keys_;
  Revision began_;
};

// Shows an object watch as a watch of plain values.
class PlainWatcher : public Watcher {
 public:
  explicit PlainWatcher(std::unique_ptr<ObjectWatcher> objects) : objects_(std::move(objects)) {}
  Task<Result<std::vector<EventPtr>>> Next() override {
    CO_TRY(auto items, co_await objects_->Next());
    std::vector<EventPtr> events;
    for (const WatchItem& item : items) events.push_back(Plain(*item.event));
    co_return events;
  }
  Revision progress() const override { return objects_->progress(); }

  static EventPtr Plain(const ObjectEvent& event) {
    auto plain = std::make_shared<Event>();
    plain->type = event.object() ? Event::Type::kPut : Event::Type::kDelete;
    plain->revision = event.revision();
    plain->kv = event.object() ? event.object()->kv() : event.previous()->kv();
    if (event.previous()) plain->previous_value = event.previous()->kv().value;
    return plain;
  }

 private:
  std::unique_ptr<ObjectWatcher> objects_;
};

}  // namespace

Cacher::Cacher(Loop& loop, Store& wrapped) : Cacher(loop, wrapped, Options{}) {}
Cacher::Cacher(Loop& loop, Store& wrapped, Options options)
    : impl_(std::make_shared<Impl>(loop, wrapped, options)) {}
Cacher::~Cacher() { impl_->Close(); }

void Cacher::Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec) {
  impl_->Register(std::move(prefix), std::move(codec));
}

Task<Status> Cacher::Start() {
  CO_TRY_STATUS(co_await impl_->Load());
  impl_->scope.Spawn("cacher follow", impl_->Follow());
  co_return Ok();
}

ObjectPtr Cacher::GetObject(std::string_view key) const { return impl_->table.Find(key); }

std::vector<ObjectPtr> Cacher::ObjectsUnder(std::string_view prefix) const {
  std::vector<ObjectPtr> objects;
  for (auto at = impl_->table.SeekPast(prefix, ""); at.get() != nullptr; at.Advance()) {
    if (!at.get()->key().starts_with(prefix)) break;
    objects.push_back(at.pointer());
  }
  return objects;
}

Task<Result<ObjectList>> Cacher::ListObjects(ObjectListOptions options) {
  if (options.revision == 0 || options.revision == impl_->revision)
    co_return impl_->ListNewest(options);
  CO_TRY_STATUS(CheckReadable(options.revision, impl_->revision, CompactedRevision()));
  if (options.revision >= impl_->window.start()) co_return impl_->ListRecent(options);
  co_return co_await impl_->ListStored(std::move(options));
}

Task<Result<ObjectWriteResult>> Cacher::WriteObject(CompareAndSet write) {
  std::vector<CompareAndSet> writes;
  writes.push_back(std::move(write));
  CO_TRY(auto results, co_await WriteObjects(std::move(writes)));
  co_return std::move(results.front());
}

Task<Result<std::vector<ObjectWriteResult>>> Cacher::WriteObjects(
    std::vector<CompareAndSet> writes) {
  std::vector<Key> keys;
  for (const CompareAndSet& write : writes) keys.push_back(write.key);
  const InFlightGuard guard(impl_, keys);
  CO_TRY(auto plain, co_await impl_->wrapped.WriteBatch(std::move(writes)));
  std::vector<ObjectWriteResult> results;
  for (size_t i = 0; i < plain.size(); ++i) {
    CO_TRY_STATUS(co_await WaitForRevision(plain[i].revision));
    ObjectWriteResult result{.committed = plain[i].committed, .revision = plain[i].revision};
    if (result.committed) {
      result.object = guard.Written(i, result.revision);
      if (!result.object)
        co_return MakeError(Reason::kInternalError, "write '" + keys[i] + "': committed, but gone");
    } else if (plain[i].current) {
      // The shared object, when it is still the one the store saw.
      ObjectPtr shared = GetObject(keys[i]);
      const bool same = shared && shared->revision() == plain[i].current->mod_revision;
      result.object = same ? shared : impl_->MakeObject(std::move(*plain[i].current));
    }
    results.push_back(std::move(result));
  }
  co_return results;
}

Result<std::unique_ptr<ObjectWatcher>> Cacher::WatchObjects(Selection selection, Revision after) {
  return impl_->Watch(impl_, std::move(selection), after);
}

Task<Result<Unit>> Cacher::WaitForRevision(Revision revision) {
  while (impl_->revision < revision) {
    if (impl_->closed) co_return MakeError(Reason::kServiceUnavailable, "store closed");
    co_await impl_->changed.Wait();
  }
  co_return Unit{};
}

int64_t Cacher::Count(std::string_view prefix) const { return impl_->table.Count(prefix); }
size_t Cacher::watcher_count() const { return impl_->dispatcher.size(); }

Task<Result<std::optional<KeyValue>>> Cacher::Get(Key key) {
  const ObjectPtr object = GetObject(key);
  if (!object) co_return std::optional<KeyValue>();
  co_return std::optional<KeyValue>(object->kv());
}

Task<Result<ListResult>> Cacher::List(ListOptions options) {
  ObjectListOptions as_objects;
  as_objects.selection.prefix = std::move(options.prefix);
  as_objects.start_after = std::move(options.start_after);
  as_objects.limit = options.limit;
  as_objects.revision = options.revision;
  CO_TRY(ObjectList objects, co_await ListObjects(std::move(as_objects)));
  ListResult result;
  for (const ObjectPtr& object : objects.items) result.items.push_back(object->kv());
  result.revision = objects.revision;
  result.more = objects.more;
  result.remaining = objects.remaining.value_or(0);
  co_return result;
}

Task<Result<WriteResult>> Cacher::Write(CompareAndSet write) {
  CO_TRY(WriteResult result, co_await impl_->wrapped.Write(std::move(write)));
  CO_TRY_STATUS(co_await WaitForRevision(result.revision));
  co_return result;
}

Task<Result<std::vector<WriteResult>>> Cacher::WriteBatch(std::vector<CompareAndSet> writes) {
  CO_TRY(auto results, co_await impl_->wrapped.WriteBatch(std::move(writes)));
  if (!results.empty()) CO_TRY_STATUS(co_await WaitForRevision(results.back().revision));
  co_return results;
}

Result<std::unique_ptr<Watcher>> Cacher::Watch(std::string prefix, Revision after) {
  if (after != 0 && after < CompactedRevision()) return CompactedError(after, CompactedRevision());
  Selection selection{.prefix = std::move(prefix)};
  TRY(auto objects, WatchObjects(std::move(selection), after));
  return std::make_unique<PlainWatcher>(std::move(objects));
}

Task<Result<HistoryPage>> Cacher::History(std::string prefix, Revision after, Revision upto) {
  if (after < CompactedRevision()) co_return CompactedError(after, CompactedRevision());
  CO_TRY(ObjectHistoryPage objects, co_await impl_->History(std::move(prefix), after, upto));
  HistoryPage page{.events = {}, .through = objects.through};
  for (const ObjectEventPtr& event : objects.events)
    page.events.push_back(PlainWatcher::Plain(*event));
  co_return page;
}

Status Cacher::Health() const { return impl_->wrapped.Health(); }
Revision Cacher::CurrentRevision() const { return impl_->revision; }
Task<Status> Cacher::Compact(Revision revision) { return impl_->wrapped.Compact(revision); }
Revision Cacher::CompactedRevision() const { return impl_->wrapped.CompactedRevision(); }

}  // namespace wherry::apiserver::storage
