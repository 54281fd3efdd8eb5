#include "apiserver/storage/memory/memory_store.h"

#include "apiserver/storage/revision_errors.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace wherry::apiserver::storage {

MemoryStore::MemoryStore(World& world) : MemoryStore(world, Options{}) {}

MemoryStore::MemoryStore(World& world, Options options)
    : world_(world),
      hub_(world.loop, 1, options.watch_queue_events_max,
           [this](std::string prefix, Revision after, Revision upto) {
             return History(std::move(prefix), after, upto);
           }) {}

MemoryStore::~MemoryStore() { *alive_ = false; }

Task<Result<std::optional<KeyValue>>> MemoryStore::Get(Key key) {
  auto it = current_.find(key);
  if (it == current_.end()) co_return std::optional<KeyValue>();
  co_return std::optional<KeyValue>(it->second);
}

Task<Result<ListResult>> MemoryStore::List(ListOptions options) {
  const Revision at = options.revision == 0 ? CurrentRevision() : options.revision;
  CO_TRY_STATUS(CheckReadable(at, CurrentRevision(), compacted_));
  ListResult result{.revision = at};
  for (auto& [key, kv] : StateAt(options.prefix, at)) {
    if (key <= options.start_after && !options.start_after.empty()) continue;
    if (options.limit > 0 && std::ssize(result.items) == options.limit) {
      result.more = true;
      ++result.remaining;
      continue;
    }
    result.items.push_back(kv);
  }
  co_return result;
}

Task<Result<WriteResult>> MemoryStore::Write(CompareAndSet write) {
  std::vector<CompareAndSet> writes;
  writes.push_back(std::move(write));
  CO_TRY(auto results, co_await WriteBatch(std::move(writes)));
  co_return std::move(results.front());
}

Task<Result<std::vector<WriteResult>>> MemoryStore::WriteBatch(std::vector<CompareAndSet> writes) {
  OneShot<BatchResult> done(world_.loop);
  if (pending_.empty()) {
    world_.loop.Post([this, alive = alive_] {
      if (*alive) Commit();
    });
  }
  pending_.push_back({std::move(writes), done});
  auto awaiter = done.Wait();
  co_return co_await std::move(awaiter);
}

Result<std::unique_ptr<Watcher>> MemoryStore::Watch(std::string prefix, Revision after) {
  if (after != 0 && after < compacted_) return CompactedError(after, compacted_);
  return hub_.Watch(std::move(prefix), after);
}

Task<Status> MemoryStore::Compact(Revision revision) {
  if (revision > CurrentRevision()) co_return FutureError(revision, CurrentRevision());
  while (!history_.empty() && history_.front().event->revision <= revision) history_.pop_front();
  compacted_ = std::max(compacted_, revision);
  co_return Ok();
}

Status MemoryStore::Health() const {
  if (!world_.faults.Fire("storage.health")) return Ok();
  return MakeError(Reason::kInternalError, "memory store: disk failed");
}

void MemoryStore::Commit() {
  std::vector<Pending> batch = std::exchange(pending_, {});
  if (world_.faults.Fire("storage.commit")) {
    for (Pending& pending : batch)
      pending.done.Set(MakeError(Reason::kInternalError, "commit to memory store: disk failed"));
    return;
  }
  const bool lose_reply = world_.faults.Fire("storage.commit.reply");
  std::vector<EventPtr> events;
  std::vector<std::vector<WriteResult>> results;
  for (Pending& pending : batch) {
    auto& mine = results.emplace_back();
    for (CompareAndSet& write : pending.writes) mine.push_back(Apply(std::move(write), &events));
  }
  hub_.Publish(events);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (lose_reply) {
      batch[i].done.Set(MakeError(Reason::kInternalError, "commit to memory store: reply lost"));
    } else {
      batch[i].done.Set(std::move(results[i]));
    }
  }
}

WriteResult MemoryStore::Apply(CompareAndSet write, std::vector<EventPtr>* events) {
  auto it = current_.find(write.key);
  const bool exists = it != current_.end();
  const Revision present = exists ? it->second.mod_revision : 0;
  const bool nothing_to_delete = !write.value && !exists;
  if (present != write.expected || nothing_to_delete) {
    WriteResult refused{.committed = false, .revision = next_revision_ - 1};
    if (exists) refused.current = it->second;
    return refused;
  }
  auto event = std::make_shared<Event>();
  event->revision = next_revision_++;
  std::optional<KeyValue> before;
  if (exists) before = it->second;
  if (exists) event->previous_value = it->second.value;
  if (write.value) {
    KeyValue kv{.key = write.key,
                .value = std::make_shared<const std::string>(std::move(*write.value)),
                .create_revision = exists ? it->second.create_revision : event->revision,
                .mod_revision = event->revision};
    event->kv = kv;
    current_.insert_or_assign(std::move(write.key), std::move(kv));
  } else {
    event->type = Event::Type::kDelete;
    event->kv = std::move(it->second);
    current_.erase(it);
  }
  WriteResult committed{.committed = true, .revision = event->revision};
  events->push_back(event);
  history_.push_back({std::move(event), std::move(before)});
  return committed;
}

std::map<Key, KeyValue> MemoryStore::StateAt(const std::string& prefix, Revision revision) const {
  std::map<Key, KeyValue> state;
  for (auto it = current_.lower_bound(prefix);
       it != current_.end() && it->first.starts_with(prefix); ++it) {
    state.insert(*it);
  }
  if (revision == CurrentRevision()) return state;
  // Later writes are taken back, newest first.
  for (const Past& past : std::views::reverse(history_)) {
    if (past.event->revision <= revision) break;
    const Key& key = past.event->kv.key;
    if (!key.starts_with(prefix)) continue;
    if (past.before) {
      state.insert_or_assign(key, *past.before);
    } else {
      state.erase(key);
    }
  }
  return state;
}

Task<Result<HistoryPage>> MemoryStore::History(std::string prefix, Revision after, Revision upto) {
  if (after < compacted_) co_return CompactedError(after, compacted_);
  HistoryPage page{.through = upto};
  for (const Past& past : history_) {
    const EventPtr& event = past.event;
    if (event->revision <= after || event->revision > upto) continue;
    if (event->kv.key.starts_with(prefix)) page.events.push_back(event);
  }
  co_return page;
}

}  // namespace wherry::apiserver::storage
