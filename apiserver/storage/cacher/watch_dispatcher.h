#pragma once

#include "apiserver/storage/cacher/object_watcher.h"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wherry::apiserver::storage {

// Whoever wants to be offered events that may concern its selection.
class WatchSubscriber {
 public:
  explicit WatchSubscriber(Selection selection) : selection_(std::move(selection)) {}
  virtual ~WatchSubscriber() = default;
  virtual void Offer(const ObjectEventPtr& event) = 0;
  // It has missed events.
  virtual void Expire() = 0;
  // Something it waits for may have changed.
  virtual void Wake() = 0;
  const Selection& selection() const { return selection_; }

 private:
  friend class WatchDispatcher;
  Selection selection_;
  bool by_index_ = false;
  size_t slot_ = 0;  // in its place of the dispatcher
};

// Finds the subscribers that an event may concern without asking the others: by the prefixes of its
// key, and by the indexed values of the object before and after. A thousand node agents that each
// watch their own pods cost a pod's event two of them, not a thousand.
class WatchDispatcher {
 public:
  // `by_index`: the selection's index term may decide; else every event under the prefix is
  // offered.
  void Add(WatchSubscriber* subscriber, bool by_index);
  // It was added before.
  void Remove(WatchSubscriber* subscriber);
  void Dispatch(const ObjectEventPtr& event);

  // Each subscriber once; nobody may be added or removed meanwhile.
  void ForEach(const std::function<void(WatchSubscriber&)>& visit);
  size_t size() const { return size_; }

 private:
  using Subscribers = std::vector<WatchSubscriber*>;
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <typename T>
  using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;
  struct Group {
    Subscribers all;
    ByText<ByText<Subscribers>> indexed;  // field -> value
    size_t size = 0;
  };

  static void Take(Subscribers& place, WatchSubscriber* subscriber);
  void DispatchTo(Group& group, const ObjectEventPtr& event);

  ByText<Group> groups_;                     // by prefix
  std::map<size_t, size_t> prefix_lengths_;  // length -> groups with a prefix of it
  size_t size_ = 0;
};

}  // namespace wherry::apiserver::storage
