#include "apiserver/storage/cacher/cacher_impl.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

// Takes objects in key order until the limit, and finds out what is left behind it.
class Collector {
 public:
  explicit Collector(const ObjectListOptions& options) : options_(options) {}

  // False when no further object can change the result.
  bool Take(const ObjectPtr& object) {
    if (options_.limit > 0 && std::ssize(list_.items) == options_.limit) {
      list_.more = true;
      return false;
    }
    list_.items.push_back(object);
    return true;
  }
  // Takes all of them as far as the limit lets it.
  bool Take(std::span<const ObjectPtr> objects) {
    const size_t wanted = options_.limit > 0 ? static_cast<size_t>(options_.limit) : SIZE_MAX;
    const size_t count = std::min(objects.size(), wanted - list_.items.size());
    list_.items.insert(list_.items.end(), objects.begin(),
                       objects.begin() + static_cast<std::ptrdiff_t>(count));
    if (count == objects.size()) return true;
    list_.more = true;
    return false;
  }
  ObjectList& list() { return list_; }

 private:
  const ObjectListOptions& options_;
  ObjectList list_;
};

// Takes objects that lie together as long as the last of them has the prefix: then all have, and
// none needs to be looked at, which would cost a miss of the processor's caches each.
void TakeRuns(ObjectTable::Cursor& at, std::string_view prefix, Collector& collector) {
  while (at.get() != nullptr && at.Neighbours().back()->key().starts_with(prefix)) {
    const std::span<const ObjectPtr> run = at.Neighbours();
    if (!collector.Take(run)) return;
    at.Skip(run.size());
  }
}

bool PrefixOnly(const Selection& selection) { return !selection.index && !selection.matches; }

}  // namespace

bool Cacher::Impl::Matches(const Selection& selection, const CachedObject& object) const {
  if (selection.index) {
    const auto value = object.field(selection.index->field);
    if (value && *value != selection.index->value) return false;
  }
  return !selection.matches || selection.matches(object);
}

ObjectList Cacher::Impl::ListNewest(const ObjectListOptions& options) const {
  const Selection& selection = options.selection;
  static const ObjectTable kEmpty;
  const ObjectTable* source = &table;
  bool indexed = false;
  if (selection.index && index.Indexes(selection.prefix, selection.index->field)) {
    source = index.Find(selection.prefix, selection.index->field, selection.index->value);
    if (source == nullptr) source = &kEmpty;
    indexed = true;
  }
  Collector collector(options);
  auto at = source->SeekPast(selection.prefix, options.start_after);
  if (!selection.matches && (indexed || !selection.index)) {
    TakeRuns(at, selection.prefix, collector);
  }
  for (; !collector.list().more && at.get() != nullptr &&
         at.get()->key().starts_with(selection.prefix);
       at.Advance()) {
    const bool matches = indexed ? !selection.matches || selection.matches(*at.get())
                                 : Matches(selection, *at.get());
    if (matches && !collector.Take(at.pointer())) break;
  }
  ObjectList list = std::move(collector.list());
  list.revision = revision;
  if (PrefixOnly(selection)) {
    list.remaining = 0;
    if (list.more) list.remaining = table.Count(selection.prefix, list.items.back()->key());
  }
  return list;
}

// The newest state with the writes after options.revision taken back.
ObjectList Cacher::Impl::ListRecent(const ObjectListOptions& options) const {
  const Selection& selection = options.selection;
  const auto before = window.Before(selection.prefix, options.revision);
  Collector collector(options);
  int64_t matching = 0;
  auto take = [&](const ObjectPtr& object) {
    if (object->key() <= options.start_after && !options.start_after.empty()) return;
    if (!Matches(selection, *object)) return;
    ++matching;
    collector.Take(object);
  };
  // Two sorted sequences; where both have a key, the past wins.
  auto at = table.Seek(selection.prefix);
  auto now = [&]() -> const CachedObject* {
    const CachedObject* object = at.get();
    return object != nullptr && object->key().starts_with(selection.prefix) ? object : nullptr;
  };
  for (const auto& [key, past] : before) {
    for (; now() != nullptr && now()->key() < key; at.Advance()) take(at.pointer());
    if (now() != nullptr && now()->key() == key) at.Advance();
    if (past) take(past);
  }
  for (; now() != nullptr; at.Advance()) take(at.pointer());
  ObjectList list = std::move(collector.list());
  list.revision = options.revision;
  if (PrefixOnly(selection)) list.remaining = matching - std::ssize(list.items);
  return list;
}

Task<Result<ObjectList>> Cacher::Impl::ListStored(ObjectListOptions options) const {
  const bool prefix_only = PrefixOnly(options.selection);
  Collector collector(options);
  ListOptions page{.prefix = options.selection.prefix,
                   .start_after = options.start_after,
                   .limit = prefix_only ? options.limit : static_cast<int64_t>(500),
                   .revision = options.revision};
  bool more = true;
  int64_t remaining = 0;
  while (more) {
    CO_TRY(ListResult part, co_await wrapped.List(page));
    more = part.more && !prefix_only;
    remaining = part.remaining;
    if (part.more && prefix_only) collector.list().more = true;
    for (KeyValue& kv : part.items) {
      page.start_after = kv.key;
      ObjectPtr object = MakeObject(std::move(kv));
      if (!Matches(options.selection, *object) || collector.Take(object)) continue;
      more = false;
      break;
    }
  }
  ObjectList list = std::move(collector.list());
  list.revision = options.revision;
  if (prefix_only) list.remaining = remaining;
  co_return list;
}

}  // namespace wherry::apiserver::storage
