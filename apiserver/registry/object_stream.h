#pragma once

#include "apiserver/registry/store.h"
#include "apiserver/storage/cacher/object_watcher.h"
#include "lib/loop/task.h"

#include <memory>
#include <vector>

namespace wherry::apiserver::registry {

// All objects of a resource and then every change, for the server's own controllers: a list, a
// watch from there, and the same again when events were missed. Loop thread; store and resource
// outlive it.
class ObjectStream {
 public:
  struct Item {
    storage::WatchType type;
    storage::ObjectPtr object;    // kDeleted: its last state
    storage::ObjectPtr previous;  // null where there is none, or none is known
  };
  struct Batch {
    // These are all there are, each kAdded: what was told before counts no more.
    bool anew = false;
    std::vector<Item> items;
  };
  ObjectStream(Store& store, const Resource& resource) : store_(store), resource_(resource) {}

  // One call at a time. A watch that breaks is logged, and everything listed again at once; what
  // fails then is tried again after a second.
  Task<Batch> Next();

 private:
  Task<Result<Batch>> List();

  Store& store_;
  const Resource& resource_;
  std::unique_ptr<storage::ObjectWatcher> watcher_;
  bool relisted_ = false;  // since the watch told something
};

}  // namespace wherry::apiserver::registry
