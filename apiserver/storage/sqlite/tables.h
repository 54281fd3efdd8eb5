#pragma once

#include "apiserver/storage/interface.h"
#include "apiserver/storage/sqlite/database.h"

#include <memory>
#include <string>
#include <vector>

namespace wherry::apiserver::storage {

// The store's operations on its tables (schema.h), in terms of one connection. Blocking; storage
// thread.
class Tables {
 public:
  static Result<std::unique_ptr<Tables>> Open(const std::string& path);
  ~Tables();

  // A transaction around any number of Apply and one Sweep. When Commit or anything before it
  // fails, Rollback takes back the revisions that were given out.
  Status Begin();
  Status Commit();
  void Rollback();

  // Judges and performs one write; its event is added to `events`.
  Result<WriteResult> Apply(CompareAndSet write, int64_t now_ms, std::vector<EventPtr>& events);
  // Declares history up to `revision` forgotten. revision <= this->revision().
  Status SetCompacted(Revision revision);
  // Removes some of what compaction made useless, after at most `rows` rows of history. SweepNeeded
  // says whether more is left.
  Status Sweep(int rows);
  bool SweepNeeded() const { return swept_ < compacted_; }

  Result<std::optional<KeyValue>> Get(const Key& key);
  Result<ListResult> List(const ListOptions& options);
  Result<HistoryPage> History(const std::string& prefix, Revision after, Revision upto);

  Revision revision() const { return revision_; }
  Revision compacted() const { return compacted_; }
  // The last error means that another program holds a lock on the file, not that the disk failed.
  bool IsBusy() const { return database_->IsBusy(); }

 private:
  struct Statements;
  explicit Tables(std::unique_ptr<Database> database);
  Result<Value> ReadValue(Revision revision);
  Result<ListResult> ListNewest(const ListOptions& options);
  Result<ListResult> ListPast(const ListOptions& options);

  std::unique_ptr<Database> database_;
  std::unique_ptr<Statements> statements_;
  Revision revision_ = 1;
  Revision compacted_ = 0;
  Revision swept_ = 0;
  struct Checkpoint {
    Revision revision;
    Revision compacted;
    Revision swept;
  };
  Checkpoint begun_{};
};

}  // namespace wherry::apiserver::storage
