#pragma once

#include "apiserver/storage/cacher/cached_object.h"
#include "apiserver/storage/cacher/object_event.h"
#include "apiserver/storage/cacher/object_watcher.h"
#include "apiserver/storage/interface.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::apiserver::storage {

struct ObjectListOptions {
  Selection selection;
  Key start_after;        // continue after this key
  int64_t limit = 0;      // 0 is no limit
  Revision revision = 0;  // 0 is the newest; else exactly that revision
};

struct ObjectList {
  std::vector<ObjectPtr> items;  // in key order; pointers only, stream from them
  Revision revision = 0;         // the snapshot's
  bool more = false;             // a further object matches; continue after items.back()->key()
  // Objects after the last item; known when the selection is a prefix only.
  std::optional<int64_t> remaining;
};

struct ObjectWriteResult {
  bool committed = false;
  Revision revision = 0;
  // committed: the object as written; for a deletion its last state at the revision of the
  // deletion. Not committed: the present state, null when the key does not exist.
  ObjectPtr object;
};

// Every object of the server in memory, over any Store.
//
// Start reads the wrapped store, then follows its watch from that revision. Reads at the newest
// revision cost no disk and no parsing; writes go through to the wrapped store and return once this
// cache shows them, so that whoever wrote reads its write, here and in every watch opened later.
// A window of recent events answers lists and watches at recent revisions; older ones go to the
// wrapped store's history. If following breaks, everything is read again and the watches are closed
// with kExpired. Loop thread; the wrapped store outlives it.
class Cacher : public Store {
 public:
  struct Options {
    size_t watch_queue_events_max = 10'000;  // a watcher this far behind is closed with kExpired,
    size_t watch_queue_bytes_max = 64
                                   << 20;  // also when the objects it has to be told are this big
    size_t window_events = 2'000;          // recent events kept for resuming watches
    size_t window_bytes_max = 8 << 20;     // of previous values that the window keeps alive
    size_t hot_events = 256;               // of these, how many keep their encoded frames
  };
  Cacher(Loop& loop, Store& wrapped);
  Cacher(Loop& loop, Store& wrapped, Options options);
  ~Cacher() override;

  // Kinds: objects under `prefix` get `codec`. Before Start or at any time after (objects that are
  // there are taken over). The longest registered prefix of a key counts.
  void Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec);
  // Reads everything. Before any other call but Register. Errors: those of the wrapped store.
  Task<Status> Start();

  // The object API.
  ObjectPtr GetObject(std::string_view key) const;  // null when there is none
  // In key order; for prefixes with few objects.
  std::vector<ObjectPtr> ObjectsUnder(std::string_view prefix) const;
  // Errors: kExpired, kBadRequest as Store::List. Does not suspend at the newest revision.
  Task<Result<ObjectList>> ListObjects(ObjectListOptions options);
  Task<Result<ObjectWriteResult>> WriteObject(CompareAndSet write);
  Task<Result<std::vector<ObjectWriteResult>>> WriteObjects(std::vector<CompareAndSet> writes);
  // All events of the selection with revision > after; after == 0: from now on. Errors: kExpired
  // when neither the window nor the store's history reaches back that far.
  Result<std::unique_ptr<ObjectWatcher>> WatchObjects(Selection selection, Revision after);
  // Until CurrentRevision() >= revision; combine with WithTimeout.
  Task<Result<Unit>> WaitForRevision(Revision revision);

  int64_t Count(std::string_view prefix) const;  // of keys under the prefix
  size_t watcher_count() const;

  // Store, for those who want plain values.
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

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace wherry::apiserver::storage
