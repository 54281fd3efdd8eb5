#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace wherry::client {

// The delays between tries that failed: doubled each time with jitter, from 800 ms to 30 s; calm
// for two minutes starts over. Source: client-go tools/cache/reflector.go (its backoffManager).
class Backoff {
 public:
  explicit Backoff(World& world) : world_(world) {}
  std::chrono::nanoseconds Next();

 private:
  World& world_;
  std::chrono::milliseconds delay_{0};
  MonotonicTime last_;
};

// Lists one kind and watches it from there on, for ever: client-go's Reflector.
//
// A watch that ends is started again from the last revision seen, bookmarks included; 410 (the
// server has forgotten that revision) lists again. Loop thread.
class Reflector {
 public:
  struct Sink {
    // Everything there is; what is not in it is gone.
    std::function<void(std::vector<MessagePtr> objects)> replace;
    // kAdded, kModified or kDeleted.
    std::function<void(const WatchEvent& event)> apply;
  };
  Reflector(World& world, ApiClient& client, const api::KindInfo& kind, std::string ns,
            ListOptions selectors, Sink sink);

  Task<void> Run();

 private:
  // Errors: those of the request.
  Task<Status> ListAll();
  // Until the watch ends; an error when it ended at once without an event, lest that spins.
  Task<Status> WatchOnce();

  World& world_;
  ApiClient& client_;
  const api::KindInfo& kind_;
  std::string ns_;
  ListOptions selectors_;
  Sink sink_;
  Backoff backoff_;
  std::string resource_version_;
  // The server has forgotten what we knew: ask for the newest next time, not for its cache's state.
  bool list_newest_ = false;
  bool watch_progressed_ = false;  // the last watch showed an event or lasted
};

}  // namespace wherry::client
