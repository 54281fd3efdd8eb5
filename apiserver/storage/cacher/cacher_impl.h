#pragma once

#include "apiserver/storage/cacher/cacher.h"
#include "apiserver/storage/cacher/event_window.h"
#include "apiserver/storage/cacher/object_index.h"
#include "apiserver/storage/cacher/object_table.h"
#include "apiserver/storage/cacher/watch_dispatcher.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::apiserver::storage {

// A stretch of the past, as objects.
struct ObjectHistoryPage {
  std::vector<ObjectEventPtr> events;
  Revision through = 0;
};

// The cacher's state. Watchers share it, so that they may outlive the cacher.
struct Cacher::Impl {
  Impl(Loop& owner, Store& store, Options given);

  // cacher_follow.cpp: how the cache comes to hold what the store holds.
  Task<Status> Load();
  Task<void> Follow();
  void Apply(const Event& event);
  void Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec);
  ObjectPtr MakeObject(KeyValue kv) const;
  void Close();

  // cacher_list.cpp: reads.
  ObjectList ListNewest(const ObjectListOptions& options) const;
  ObjectList ListRecent(const ObjectListOptions& options) const;
  Task<Result<ObjectList>> ListStored(ObjectListOptions options) const;
  bool Matches(const Selection& selection, const CachedObject& object) const;

  // cacher_watch.cpp.
  Result<std::unique_ptr<ObjectWatcher>> Watch(std::shared_ptr<Impl> self, Selection selection,
                                               Revision after);
  Task<Result<ObjectHistoryPage>> History(std::string prefix, Revision after, Revision upto) const;

  // The events of a key that one of its writers may still wait for: those after the revision at
  // which the oldest of them began.
  struct InFlight {
    std::vector<Revision> began;  // of each writer, in order
    std::deque<ObjectEventPtr> events;
  };

  Loop& loop;
  Store& wrapped;
  Options limits;
  ObjectTable table;
  ObjectIndex index;
  EventWindow window;
  WatchDispatcher dispatcher;
  std::unordered_map<Key, InFlight> in_flight;
  Revision revision = 0;
  Notifier changed;
  bool closed = false;
  TaskScope scope;  // last: its end cancels Follow
};

}  // namespace wherry::apiserver::storage
