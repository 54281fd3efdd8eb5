#pragma once

#include "apiserver/storage/interface.h"
#include "lib/loop/loop.h"
#include "lib/loop/sync.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wherry::apiserver::storage {

// The live side of a store's watches: hands each committed event to the watchers whose prefix it
// has.
//
// A watch from an old revision first reads history page by page, up to the revision at which it was
// opened, while its bounded queue collects what commits meanwhile. A queue that overflows expires
// its watcher. Loop thread. Watchers may outlive the hub; they end with kServiceUnavailable.
class WatchHub {
 public:
  // The store's History.
  using ReadHistory =
      std::function<Task<Result<HistoryPage>>(std::string prefix, Revision after, Revision upto)>;

  WatchHub(Loop& loop, Revision current, size_t queue_events_max, ReadHistory read_history);
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // The store checks `after` against its compaction first. after == 0: from now on.
  std::unique_ptr<Watcher> Watch(std::string prefix, Revision after);
  // In revision order, each event once.
  void Publish(const std::vector<EventPtr>& events);
  // The store is gone: every watcher ends with kServiceUnavailable, no history is read any more.
  void Close();

  Revision current() const { return state_->current; }
  size_t watcher_count() const { return state_->watchers.size(); }

  class HubWatcher;
  struct State {
    Loop& loop;
    Revision current;
    size_t queue_events_max;
    ReadHistory read_history;  // null once the store is gone
    std::vector<HubWatcher*> watchers;
  };

 private:
  std::shared_ptr<State> state_;
};

}  // namespace wherry::apiserver::storage
