#include "apiserver/storage/sqlite/sqlite_store.h"

#include "apiserver/storage/revision_errors.h"
#include "apiserver/storage/sqlite/file_lock.h"
#include "apiserver/storage/sqlite/read_thread.h"
#include "apiserver/storage/sqlite/storage_thread.h"
#include "apiserver/storage/watch_hub.h"
#include "lib/loop/task_scope.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

// Of a queue that has reached its bound.
Error Busy(const std::string& what) {
  Error busy = MakeError(Reason::kTooManyRequests, what + " the store: too many others wait");
  busy.details.retry_after_seconds = 1;
  return busy;
}

}  // namespace

struct SqliteStore::Impl {
  // Callbacks from the storage thread may arrive after the store is gone: they hold this part.
  struct LoopSide {
    LoopSide(Loop& loop, Revision current, Revision compacted_at, size_t queue_events_max,
             WatchHub::ReadHistory read)
        : hub(loop, current, queue_events_max, std::move(read)), compacted(compacted_at) {}
    WatchHub hub;
    Revision compacted;
    size_t pending_writes = 0;
    size_t pending_reads = 0;
    bool closed = false;
  };

  Impl(World& owner, Options given, FileLock file_lock, std::unique_ptr<Tables> tables);

  // Runs `read` on the storage thread, after the writes before it; on the read thread, beside them.
  template <typename T>
  Task<Result<T>> OnStorageThread(std::function<Result<T>(Tables&)> read);
  template <typename T>
  Task<Result<T>> OnReadThread(std::function<Result<T>(Tables&)> read);
  // Writes of one turn of the loop go to the thread together: else it would wake for the first,
  // and leave the others to the next commit.
  void Gather(StorageThread::WriteJob job);
  void HandOver();
  Task<Status> Compact(Revision revision);
  Task<void> CompactForEver();

  World& world;
  Options options;
  FileLock lock;
  std::shared_ptr<LoopSide> side;
  std::vector<StorageThread::WriteJob> gathered;
  StorageThread thread;
  std::unique_ptr<ReadThread> reader;  // made when it is first needed; closes before the writer
  TaskScope scope;
};

SqliteStore::Impl::Impl(World& owner, Options given, FileLock file_lock,
                        std::unique_ptr<Tables> tables)
    : world(owner),
      options(std::move(given)),
      lock(std::move(file_lock)),
      side(std::make_shared<LoopSide>(
          owner.loop, tables->revision(), tables->compacted(), options.watch_queue_events_max,
          [this](std::string prefix, Revision after, Revision upto) {
            return OnReadThread<HistoryPage>([prefix = std::move(prefix), after, upto](Tables& t) {
              return t.History(prefix, after, upto);
            });
          })),
      thread(owner, std::move(tables), options.sweep_rows,
             [held = side](const std::vector<EventPtr>& events) { held->hub.Publish(events); }),
      scope(owner.loop) {
  scope.Spawn("sqlite compaction", CompactForEver());
}

template <typename T>
Task<Result<T>> SqliteStore::Impl::OnStorageThread(std::function<Result<T>(Tables&)> read) {
  if (side->pending_reads >= options.pending_reads_max) co_return Busy("read from");
  ++side->pending_reads;
  OneShot<Result<T>> done(world.loop);
  thread.Submit([&loop = world.loop, done, read = std::move(read), held = side](Tables& tables) {
    auto result = std::make_shared<Result<T>>(read(tables));
    loop.PostFromAnyThread([done, result, held] {
      --held->pending_reads;
      done.Set(std::move(*result));
    });
  });
  auto awaiter = done.Wait();
  co_return co_await std::move(awaiter);
}

template <typename T>
Task<Result<T>> SqliteStore::Impl::OnReadThread(std::function<Result<T>(Tables&)> read) {
  if (side->pending_reads >= options.pending_reads_max) co_return Busy("read from");
  ++side->pending_reads;
  if (reader == nullptr) reader = std::make_unique<ReadThread>(options.path);
  OneShot<Result<T>> done(world.loop);
  auto job = [&loop = world.loop, done, read = std::move(read),
              held = side](Result<Tables*> tables) {
    auto result = std::make_shared<Result<T>>(tables.ok() ? read(**tables) : tables.error());
    loop.PostFromAnyThread([done, result, held] {
      --held->pending_reads;
      done.Set(std::move(*result));
    });
  };
  reader->Submit(std::move(job));
  auto awaiter = done.Wait();
  co_return co_await std::move(awaiter);
}

void SqliteStore::Impl::Gather(StorageThread::WriteJob job) {
  gathered.push_back(std::move(job));
  if (gathered.size() > 1) return;
  world.loop.Post([this, held = side] {
    if (!held->closed) HandOver();
  });
}

void SqliteStore::Impl::HandOver() { thread.Submit(std::exchange(gathered, {})); }

Task<Status> SqliteStore::Impl::Compact(Revision revision) {
  if (revision > side->hub.current()) co_return FutureError(revision, side->hub.current());
  if (revision <= side->compacted) co_return Ok();
  OneShot<Status> done(world.loop);
  thread.Compact(revision, [held = side, done, revision](Status status) {
    if (status.ok()) held->compacted = std::max(held->compacted, revision);
    done.Set(std::move(status));
  });
  auto awaiter = done.Wait();
  co_return co_await std::move(awaiter);
}

// Notes the revision every now and then, and compacts to the newest note that is older than the
// retention: what upstream's compactor does against etcd every five minutes.
Task<void> SqliteStore::Impl::CompactForEver() {
  struct Note {
    MonotonicTime at;
    Revision revision;
  };
  std::deque<Note> notes;
  while (true) {
    const MonotonicTime now = world.loop.MonotonicNow();
    const Revision current = side->hub.current();
    notes.push_back({now, current});
    Revision target = current - options.history_writes_max;
    while (!notes.empty() && notes.front().at + options.history_retention <= now) {
      target = std::max(target, notes.front().revision);
      notes.pop_front();
    }
    if (target > side->compacted)
      Ignore(co_await Compact(target), "the next write tells that the disk has failed");
    co_await SleepFor(world.loop, std::max<std::chrono::nanoseconds>(options.history_retention / 5,
                                                                     std::chrono::seconds(1)));
  }
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(World& world, Options options) {
  TRY(FileLock lock, FileLock::Take(options.path));
  TRY(auto tables, Tables::Open(options.path));
  auto impl = std::make_unique<Impl>(world, std::move(options), std::move(lock), std::move(tables));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStore::~SqliteStore() {
  impl_->HandOver();
  impl_->side->closed = true;
  impl_->side->hub.Close();
}

Task<Result<std::optional<KeyValue>>> SqliteStore::Get(Key key) {
  auto read = [key = std::move(key)](Tables& tables) { return tables.Get(key); };
  return impl_->OnStorageThread<std::optional<KeyValue>>(std::move(read));
}

Task<Result<ListResult>> SqliteStore::List(ListOptions options) {
  const bool past = options.revision != 0 && options.revision < impl_->side->hub.current();
  auto read = [options = std::move(options)](Tables& tables) { return tables.List(options); };
  if (past) return impl_->OnReadThread<ListResult>(std::move(read));
  return impl_->OnStorageThread<ListResult>(std::move(read));
}

Task<Result<WriteResult>> SqliteStore::Write(CompareAndSet write) {
  std::vector<CompareAndSet> writes;
  writes.push_back(std::move(write));
  CO_TRY(auto results, co_await WriteBatch(std::move(writes)));
  co_return std::move(results.front());
}

Task<Result<std::vector<WriteResult>>> SqliteStore::WriteBatch(std::vector<CompareAndSet> writes) {
  if (writes.empty()) co_return std::vector<WriteResult>();
  auto side = impl_->side;
  if (side->pending_writes + writes.size() > impl_->options.pending_writes_max &&
      side->pending_writes > 0) {
    co_return Busy("write to");
  }
  OneShot<StorageThread::WriteResults> done(impl_->world.loop);
  const size_t count = writes.size();
  side->pending_writes += count;
  auto reply = [side, done, count](StorageThread::WriteResults results) {
    side->pending_writes -= count;
    done.Set(std::move(results));
  };
  StorageThread::WriteJob job{.writes = std::move(writes), .reply = std::move(reply)};
  impl_->Gather(std::move(job));
  auto awaiter = done.Wait();
  co_return co_await std::move(awaiter);
}

Result<std::unique_ptr<Watcher>> SqliteStore::Watch(std::string prefix, Revision after) {
  if (after != 0 && after < impl_->side->compacted)
    return CompactedError(after, impl_->side->compacted);
  return impl_->side->hub.Watch(std::move(prefix), after);
}

Task<Result<HistoryPage>> SqliteStore::History(std::string prefix, Revision after, Revision upto) {
  auto read = [prefix = std::move(prefix), after, upto](Tables& tables) {
    return tables.History(prefix, after, upto);
  };
  return impl_->OnReadThread<HistoryPage>(std::move(read));
}

Status SqliteStore::Health() const {
  if (!impl_->thread.failed()) return Ok();
  return MakeError(Reason::kInternalError,
                   "the store takes no more writes until the server is restarted");
}
Revision SqliteStore::CurrentRevision() const { return impl_->side->hub.current(); }
Task<Status> SqliteStore::Compact(Revision revision) { return impl_->Compact(revision); }
Revision SqliteStore::CompactedRevision() const { return impl_->side->compacted; }

}  // namespace wherry::apiserver::storage
