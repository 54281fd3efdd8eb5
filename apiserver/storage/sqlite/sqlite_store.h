#pragma once

#include "apiserver/storage/interface.h"
#include "lib/loop/world.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace wherry::apiserver::storage {

// The store on disk: one SQLite file in WAL mode with synchronous=FULL (schema.h describes it).
//
// A write is durable when it returns. Writes that wait together share one transaction, made by a
// thread of the store's own; watches are told on the loop right after it. History is kept for
// `history_retention`, then compacted in small steps between commits. When the disk fails or is
// full, writes are refused until restart; reads go on. Loop thread, which must run for anything to
// complete.
//
// `sqlite3 <path> 'SELECT kind, namespace, name FROM objects'` works while the server runs, and a
// copy made by `sqlite3 <path> '.backup copy.db'` is a snapshot of the cluster.
class SqliteStore : public Store {
 public:
  struct Options {
    std::string path;  // <path>-wal, <path>-shm and <path>.lock stand beside it
    std::chrono::seconds history_retention = std::chrono::minutes(5);
    int64_t history_writes_max = 500'000;  // compacted earlier when more writes than this are kept
    int sweep_rows = 200;                  // history removed per step of compaction
    size_t pending_writes_max = 20'000;    // more at a time are refused with kTooManyRequests
    size_t pending_reads_max = 10'000;     // of lists and of history, in the same way
    size_t watch_queue_events_max = 100'000;
  };
  // Opens or creates the file. Blocks for some milliseconds. Errors: kConflict when another process
  // uses it; kInternalError when it cannot be opened, is not ours, or has a newer schema.
  static Result<std::unique_ptr<SqliteStore>> Open(World& world, Options options);
  // Finishes the writes that were submitted.
  ~SqliteStore() override;

  Task<Result<std::optional<KeyValue>>> Get(Key key) override;
  Task<Result<ListResult>> List(ListOptions options) override;
  Task<Result<WriteResult>> Write(CompareAndSet write) override;
  Task<Result<std::vector<WriteResult>>> WriteBatch(std::vector<CompareAndSet> writes) override;
  Result<std::unique_ptr<Watcher>> Watch(std::string prefix, Revision after) override;
  Task<Result<HistoryPage>> History(std::string prefix, Revision after, Revision upto) override;
  Status Health() const override;
  Revision CurrentRevision() const override;
  Task<Status> Compact(Revision revision) override;
  Revision CompactedRevision() const override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::apiserver::storage
