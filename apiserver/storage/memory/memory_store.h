#pragma once

#include "apiserver/storage/interface.h"
#include "apiserver/storage/watch_hub.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::apiserver::storage {

// A store in memory with the manners of one on disk: writes wait for a commit in a later turn and
// share it.
//
// For tests and for the simulator, where it plays the disk and so outlives the server that uses it.
// Two faults of the World make it fail: "storage.commit" fails all writes of a commit with
// kInternalError and stores nothing; "storage.commit.reply" stores them and fails the answer, as a
// crash between commit and reply would. Unlike a real disk it takes the next writes again. Loop
// thread.
class MemoryStore : public Store {
 public:
  struct Options {
    size_t watch_queue_events_max = 10'000;
  };
  explicit MemoryStore(World& world);
  MemoryStore(World& world, Options options);
  ~MemoryStore() override;

  Task<Result<std::optional<KeyValue>>> Get(Key key) override;
  Task<Result<ListResult>> List(ListOptions options) override;
  Task<Result<WriteResult>> Write(CompareAndSet write) override;
  Task<Result<std::vector<WriteResult>>> WriteBatch(std::vector<CompareAndSet> writes) override;
  Result<std::unique_ptr<Watcher>> Watch(std::string prefix, Revision after) override;
  Task<Result<HistoryPage>> History(std::string prefix, Revision after, Revision upto) override;
  // The fault "storage.health" makes it fail.
  Status Health() const override;
  Revision CurrentRevision() const override { return hub_.current(); }
  Task<Status> Compact(Revision revision) override;
  Revision CompactedRevision() const override { return compacted_; }

 private:
  using BatchResult = Result<std::vector<WriteResult>>;
  // What a list at an old revision needs to take a write back.
  struct Past {
    EventPtr event;
    std::optional<KeyValue> before;
  };
  struct Pending {
    std::vector<CompareAndSet> writes;
    OneShot<BatchResult> done;
  };

  void Commit();
  WriteResult Apply(CompareAndSet write, std::vector<EventPtr>* events);
  // The keys under `prefix` as they were at `revision`.
  std::map<Key, KeyValue> StateAt(const std::string& prefix, Revision revision) const;

  World& world_;
  std::map<Key, KeyValue> current_;
  std::deque<Past> history_;  // every write above compacted_
  Revision compacted_ = 0;
  Revision next_revision_ = 2;
  std::vector<Pending> pending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  WatchHub hub_;
};

}  // namespace wherry::apiserver::storage
