#pragma once

#include "apiserver/storage/interface.h"
#include "apiserver/storage/sqlite/database.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::apiserver::storage {

// The store's operations on its tables (schema.h), in terms of one connection. Blocking; one thread
// at a time.
class Tables {
 public:
  static Result<std::unique_ptr<Tables>> Open(const std::string& path);
  // Beside the one that writes: for List and History alone, between BeginRead and EndRead, which
  // see one state of the file.
  static Result<std::unique_ptr<Tables>> OpenReader(const std::string& path);
  Status BeginRead();
  void EndRead();
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

  // Keys with first <= key < last; an empty last is no bound.
  struct KeyRange {
    std::string first;
    std::string last;
  };

  Revision revision() const { return revision_; }
  Revision compacted() const { return compacted_; }
  // The last error means that another program holds a lock on the file, not that the disk failed.
  bool IsBusy() const { return database_->IsBusy(); }

 private:
  struct Statements;
  struct Change {
    Revision then = 0;  // 0: the key did not exist
    bool exists_now = false;
  };
  using Changes = std::map<Key, Change, std::less<>>;
  explicit Tables(std::unique_ptr<Database> database);
  Status ReadRevisions();
  Result<Value> ReadValue(Revision revision);
  Result<ListResult> ListNewest(const ListOptions& options);
  Result<ListResult> ListPast(const ListOptions& options);
  Result<Changes> ChangesSince(const KeyRange& range, Revision revision);
  Result<int64_t> CountThen(const KeyRange& range, const Changes& changes);

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
