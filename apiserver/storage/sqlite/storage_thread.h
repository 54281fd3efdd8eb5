#pragma once

#include "apiserver/storage/interface.h"
#include "apiserver/storage/sqlite/tables.h"
#include "lib/loop/world.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace wherry::apiserver::storage {

// The thread that alone writes the database, reached by message.
//
// Turn by turn: everything that is queued is taken; its writes become one transaction (group
// commit: while one is being synced to disk, the next gathers); after the commit the outcome is
// posted to the loop once; then reads are answered. Compaction goes in small steps, as part of
// these commits while there are writes, else in its own. After a failed commit every later write is
// refused: what is on disk is then uncertain, and only a restart finds out. Constructed and
// destroyed on the loop thread; its methods are for the loop thread.
class StorageThread {
 public:
  using WriteResults = Result<std::vector<WriteResult>>;
  struct WriteJob {
    std::vector<CompareAndSet> writes;
    std::function<void(WriteResults)> reply;  // called on the loop
  };
  // Called on the storage thread; posts its own answer.
  using ReadJob = std::function<void(Tables&)>;
  // Called on the loop with the events of each commit, in revision order, before its replies.
  using Publish = std::function<void(const std::vector<EventPtr>&)>;

  StorageThread(World& world, std::unique_ptr<Tables> tables, int sweep_rows, Publish publish);
  // Finishes what is queued, then joins.
  ~StorageThread();
  StorageThread(const StorageThread&) = delete;
  StorageThread& operator=(const StorageThread&) = delete;

  void Submit(std::vector<WriteJob> jobs);
  void Submit(ReadJob job);
  // Declares history up to `revision` forgotten, durably, then removes it in steps. `reply` is
  // called on the loop.
  void Compact(Revision revision, std::function<void(Status)> reply);
  // Whether a commit has failed, so that writes are refused. Any thread.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  struct CompactJob {
    Revision revision;
    std::function<void(Status)> reply;
  };
  struct Queue {
    std::vector<WriteJob> writes;
    std::vector<ReadJob> reads;
    std::vector<CompactJob> compactions;
    bool empty() const { return writes.empty() && reads.empty() && compactions.empty(); }
  };

  void Run();
  void CommitWrites(std::vector<WriteJob> jobs);
  Result<std::vector<std::vector<WriteResult>>> TryCommit(std::vector<WriteJob>& jobs,
                                                          std::vector<EventPtr>& events);
  Status InTransaction(const std::function<Status()>& change);

  World& world_;
  std::unique_ptr<Tables> tables_;
  const int sweep_rows_;
  Publish publish_;
  std::optional<Error> broken_;  // why writes are refused
  std::atomic<bool> failed_ = false;

  std::mutex mutex_;  // guards the two below
  Queue queue_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;  // last: runs on the others
};

}  // namespace wherry::apiserver::storage
