#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The store's contract: etcd's model (https://etcd.io/docs/v3.4/learning/data_model/). Keys, one
// global revision that grows by one with each committed write, compare-and-set by modification
// revision, and history until compaction. tests/contract/storage is the suite every implementation
// passes: memory, sqlite, and the cacher over each.
namespace wherry::apiserver::storage {

using Revision =
    int64_t;  // 0 is "none"; an empty store is at revision 1, its first write commits 2

// "/registry/<group>/<resource>/<namespace>/<name>": built by the registry, opaque here except for
// prefixes.
using Key = std::string;
// A serialised object (JSON without metadata.resourceVersion, which is the modification revision).
// Immutable, shared.
using Value = std::shared_ptr<const std::string>;

struct KeyValue {
  Key key;
  Value value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
};

struct Event {
  enum class Type { kPut, kDelete };
  Type type = Type::kPut;
  Revision revision = 0;  // of this write; for kPut equal to kv.mod_revision
  KeyValue kv;            // kDelete: key, and the last value with its revisions
  // The value before this write; null on creation. Watchers with selectors need it to see objects
  // leave.
  Value previous_value;
};

using EventPtr = std::shared_ptr<const Event>;

// A stretch of the past: the events under a prefix with after < revision <= through.
struct HistoryPage {
  std::vector<EventPtr> events;
  Revision through = 0;
};

struct ListOptions {
  std::string prefix;     // keys that start with it
  Key start_after;        // continue after this key; "" from the start
  int64_t limit = 0;      // 0 is no limit
  Revision revision = 0;  // 0 is the newest; else history at exactly that revision
};

struct ListResult {
  std::vector<KeyValue> items;  // in key order
  Revision revision = 0;        // the snapshot's
  bool more = false;
  int64_t remaining = 0;  // keys under the prefix after the last item
};

struct CompareAndSet {
  Key key;
  // The modification revision the key must have now; 0: the key must not exist (a deletion with 0
  // is never committed). Every write is conditional.
  Revision expected = 0;
  // The new value; nullopt deletes.
  std::optional<std::string> value;
};

struct WriteResult {
  bool committed = false;  // false: the condition did not hold, `current` says what is there
  Revision revision = 0;   // of the write, or of the store when not committed
  std::optional<KeyValue>
      current;  // not committed: the present state, nullopt when the key does not exist
};

// A watch's bounded queue. Loop thread. Destroying it ends the watch.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // The next events in revision order (at least one; several writes that committed together may
  // come together). Errors: kExpired when this watcher fell behind its bound or its history was
  // compacted; it is then at its end.
  virtual Task<Result<std::vector<EventPtr>>> Next() = 0;
  // Every event up to and including this revision has been returned by Next: what a bookmark may
  // say.
  virtual Revision progress() const = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Errors: kInternalError when the disk fails; the store then refuses writes until restart.
  virtual Task<Result<std::optional<KeyValue>>> Get(Key key) = 0;
  // Errors: kExpired when options.revision has been compacted; kBadRequest when it is in the
  // future.
  virtual Task<Result<ListResult>> List(ListOptions options) = 0;
  // Durable when it returns. Writes are ordered as submitted; concurrent ones share one transaction
  // (group commit).
  virtual Task<Result<WriteResult>> Write(CompareAndSet write) = 0;
  // Many conditional writes in one durable transaction, each with a revision of its own and judged
  // on its own.
  virtual Task<Result<std::vector<WriteResult>>> WriteBatch(std::vector<CompareAndSet> writes) = 0;
  // All events under `prefix` with revision > after. after == 0: from now on.
  // Errors: kExpired when `after` is older than the compaction; A future revision waits for its
  // time.
  virtual Result<std::unique_ptr<Watcher>> Watch(std::string prefix, Revision after) = 0;
  // Past events under `prefix` with after < revision <= upto, from the first on: a page ends where
  // the store likes, but moves on (through > after). upto <= CurrentRevision().
  // Errors: kExpired when `after` is older than the compaction.
  virtual Task<Result<HistoryPage>> History(std::string prefix, Revision after, Revision upto) = 0;

  // Whether writes can succeed. Errors: kInternalError once the disk has failed.
  virtual Status Health() const { return Ok(); }

  // The revision of the newest committed write.
  virtual Revision CurrentRevision() const = 0;
  // Forgets history at and below `revision`, keeping each key's newest value. Errors: kBadRequest
  // for the future.
  virtual Task<Status> Compact(Revision revision) = 0;
  virtual Revision CompactedRevision() const = 0;
};

}  // namespace wherry::apiserver::storage
