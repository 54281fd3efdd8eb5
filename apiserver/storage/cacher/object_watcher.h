#pragma once

#include "apiserver/storage/cacher/object_event.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace wherry::apiserver::storage {

// `field` equals `value`, where the codec indexes `field`.
struct IndexTerm {
  std::string field;
  std::string value;
};

// Which objects a list or a watch is about: all three must hold.
struct Selection {
  std::string prefix;              // of the key
  std::optional<IndexTerm> index;  // makes it cheap; ignored where the field is not indexed, so
                                   // `matches` must say it too
  std::function<bool(const CachedObject&)> matches;  // null: everything
};

// An event as one watcher is told: `type` follows from its selection before and after the write.
struct WatchItem {
  WatchType type;
  ObjectEventPtr event;
  const ObjectPtr& object() const { return event->ObjectFor(type); }
  Result<SharedBytes> Frame(WatchEncoding encoding) const { return event->Frame(type, encoding); }
};

// A watch over the cacher: a bounded queue of shared events. Loop thread; destroying it ends the
// watch.
class ObjectWatcher {
 public:
  virtual ~ObjectWatcher() = default;
  // All that is waiting in revision order; empty when `deadline` came first (time for a bookmark).
  // One call at a time; a call that is cancelled while it waits loses nothing, but do not race it
  // against a timer: that is what `deadline` is for. Errors: kExpired when this watcher fell behind
  // or its history was compacted, kServiceUnavailable when the store is gone; it is then at its
  // end.
  virtual Task<Result<std::vector<WatchItem>>> Next(
      MonotonicTime deadline = MonotonicTime::max()) = 0;
  // Everything up to and including this revision has been returned: what a bookmark may say.
  virtual Revision progress() const = 0;
};

}  // namespace wherry::apiserver::storage
