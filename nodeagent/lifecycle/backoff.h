#pragma once

#include "lib/loop/loop.h"

#include <chrono>
#include <map>
#include <string>

namespace wherry::nodeagent::lifecycle {

// Delays that double per failure and are forgotten after a quiet time of twice the maximum. Pure:
// the caller brings the time. Source: client-go util/flowcontrol Backoff.
class BackOff {
 public:
  BackOff(std::chrono::nanoseconds initial, std::chrono::nanoseconds max)
      : initial_(initial), max_(max) {}

  // One more failure of `key`, whose cause happened at `event`.
  void Next(const std::string& key, WallTime event, WallTime now);
  // Zero when nothing failed.
  std::chrono::nanoseconds Get(const std::string& key) const;
  // When the next try is due after an event at `event`; `event` itself when there is no back-off.
  WallTime DueSince(const std::string& key, WallTime event) const;
  // When the next try is due after the last failure.
  WallTime DueSinceUpdate(const std::string& key) const;
  void Forget(const std::string& key) { entries_.erase(key); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::chrono::nanoseconds delay;
    WallTime updated;
  };
  bool Expired(const Entry& entry, WallTime event) const {
    return event - entry.updated > 2 * max_;
  }

  std::chrono::nanoseconds initial_;
  std::chrono::nanoseconds max_;
  std::map<std::string, Entry> entries_;
};

}  // namespace wherry::nodeagent::lifecycle
