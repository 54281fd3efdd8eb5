#include "nodeagent/lifecycle/backoff.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

void BackOff::Next(const std::string& key, WallTime event, WallTime now) {
  // Of pods that have gone without a success, for one.
  std::erase_if(entries_, [&](const auto& entry) { return Expired(entry.second, now); });
  auto found = entries_.find(key);
  if (found == entries_.end() || Expired(found->second, event)) {
    entries_[key] = Entry{initial_, now};
    return;
  }
  found->second.delay = std::min(found->second.delay * 2, max_);
  found->second.updated = now;
}

std::chrono::nanoseconds BackOff::Get(const std::string& key) const {
  auto found = entries_.find(key);
  return found == entries_.end() ? std::chrono::nanoseconds(0) : found->second.delay;
}

WallTime BackOff::DueSince(const std::string& key, WallTime event) const {
  auto found = entries_.find(key);
  if (found == entries_.end() || Expired(found->second, event)) return event;
  return event + std::chrono::duration_cast<WallTime::duration>(found->second.delay);
}

WallTime BackOff::DueSinceUpdate(const std::string& key) const {
  auto found = entries_.find(key);
  if (found == entries_.end()) return WallTime();
  return found->second.updated +
         std::chrono::duration_cast<WallTime::duration>(found->second.delay);
}

}  // namespace wherry::nodeagent::lifecycle
