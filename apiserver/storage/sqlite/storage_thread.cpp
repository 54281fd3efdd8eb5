#include "apiserver/storage/sqlite/storage_thread.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace wherry::apiserver::storage {

StorageThread::StorageThread(World& world, std::unique_ptr<Tables> tables, int sweep_rows,
                             Publish publish)
    : world_(world),
      tables_(std::move(tables)),
      sweep_rows_(sweep_rows),
      publish_(std::move(publish)),
      thread_([this] { Run(); }) {}

StorageThread::~StorageThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StorageThread::Submit(std::vector<WriteJob> jobs) {
  {
    std::lock_guard lock(mutex_);
    for (WriteJob& job : jobs) queue_.writes.push_back(std::move(job));
  }
  wake_.notify_one();
}

void StorageThread::Submit(ReadJob job) {
  {
    std::lock_guard lock(mutex_);
    queue_.reads.push_back(std::move(job));
  }
  wake_.notify_one();
}

void StorageThread::Compact(Revision revision, std::function<void(Status)> reply) {
  {
    std::lock_guard lock(mutex_);
    queue_.compactions.push_back({revision, std::move(reply)});
  }
  wake_.notify_one();
}

void StorageThread::Run() {
  pthread_setname_np(pthread_self(), "storage");
  while (true) {
    Queue turn;
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      const bool sweep = tables_->SweepNeeded() && !broken_;
      wake_.wait(lock, [&] { return stopping_ || sweep || !queue_.empty(); });
      turn = std::exchange(queue_, {});
      stopping = stopping_;
    }
    const bool wrote = !turn.writes.empty();
    if (wrote) CommitWrites(std::move(turn.writes));
    for (CompactJob& job : turn.compactions) {
      Status status = InTransaction([&] { return tables_->SetCompacted(job.revision); });
      world_.loop.PostFromAnyThread(
          [reply = std::move(job.reply), status = std::move(status)] { reply(status); });
    }
    for (ReadJob& job : turn.reads) job(*tables_);
    if (stopping) return;
    if (!wrote && tables_->SweepNeeded() && !broken_)
      Ignore(InTransaction([&] { return tables_->Sweep(sweep_rows_); }),
             "the next write tells that the disk has failed");
  }
}

void StorageThread::CommitWrites(std::vector<WriteJob> jobs) {
  struct Outcome {
    std::vector<WriteJob> jobs;
    std::vector<EventPtr> events;
    std::vector<WriteResults> results;
  };
  auto outcome = std::make_shared<Outcome>();
  auto committed = TryCommit(jobs, outcome->events);
  if (committed.ok()) {
    for (auto& results : *committed) outcome->results.push_back(std::move(results));
  } else {
    outcome->events.clear();
    outcome->results.assign(jobs.size(), committed.error());
  }
  outcome->jobs = std::move(jobs);
  world_.loop.PostFromAnyThread([publish = publish_, outcome] {
    publish(outcome->events);
    for (size_t i = 0; i < outcome->jobs.size(); ++i)
      outcome->jobs[i].reply(std::move(outcome->results[i]));
  });
}

Result<std::vector<std::vector<WriteResult>>> StorageThread::TryCommit(
    std::vector<WriteJob>& jobs, std::vector<EventPtr>& events) {
  const int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(world_.clock.Now().time_since_epoch())
          .count();
  std::vector<std::vector<WriteResult>> results;
  auto apply = [&]() -> Status {
    for (WriteJob& job : jobs) {
      auto& mine = results.emplace_back();
      for (CompareAndSet& write : job.writes) {
        TRY(WriteResult result, tables_->Apply(std::move(write), now_ms, events));
        mine.push_back(std::move(result));
      }
    }
    if (!tables_->SweepNeeded()) return Ok();
    // Each write pays for some old ones: compaction keeps up without commits of its own.
    return tables_->Sweep(std::min(sweep_rows_, static_cast<int>(4 * events.size()) + 4));
  };
  TRY_STATUS(InTransaction(apply));
  return results;
}

Status StorageThread::InTransaction(const std::function<Status()>& change) {
  if (broken_) return *broken_;
  Status status = tables_->Begin();
  // Nothing has been touched: another program's lock is not our disk's failure.
  if (!status.ok() && tables_->IsBusy()) return status;
  if (status.ok()) status = change();
  if (status.ok()) status = tables_->Commit();
  if (status.ok()) return status;
  tables_->Rollback();
  Error why = status.error();
  why.message = "the store takes no more writes until the server is restarted: " + why.message;
  broken_ = std::move(why);
  failed_.store(true, std::memory_order_relaxed);
  return *broken_;
}

}  // namespace wherry::apiserver::storage
