#include "apiserver/storage/cacher/watch_dispatcher.h"

namespace wherry::apiserver::storage {
namespace {

void OfferAll(const std::vector<WatchSubscriber*>& subscribers, const ObjectEventPtr& event) {
  for (WatchSubscriber* subscriber : subscribers) subscriber->Offer(event);
}

}  // namespace

void WatchDispatcher::Add(WatchSubscriber* subscriber, bool by_index) {
  const Selection& selection = subscriber->selection();
  auto [it, inserted] = groups_.try_emplace(selection.prefix);
  if (inserted) ++prefix_lengths_[selection.prefix.size()];
  Group& group = it->second;
  ++group.size;
  Subscribers& place =
      by_index ? group.indexed[selection.index->field][selection.index->value] : group.all;
  subscriber->by_index_ = by_index;
  subscriber->slot_ = place.size();
  place.push_back(subscriber);
  ++size_;
}

// Out of the middle: the last one moves into the gap.
void WatchDispatcher::Take(Subscribers& place, WatchSubscriber* subscriber) {
  CHECK(place.at(subscriber->slot_) == subscriber);
  place[subscriber->slot_] = place.back();
  place[subscriber->slot_]->slot_ = subscriber->slot_;
  place.pop_back();
}

void WatchDispatcher::Remove(WatchSubscriber* subscriber) {
  --size_;
  const Selection& selection = subscriber->selection();
  auto it = groups_.find(selection.prefix);
  Group& group = it->second;
  if (subscriber->by_index_) {
    auto& values = group.indexed[selection.index->field];
    Subscribers& place = values[selection.index->value];
    Take(place, subscriber);
    if (place.empty()) values.erase(selection.index->value);
  } else {
    Take(group.all, subscriber);
  }
  if (--group.size > 0) return;
  groups_.erase(it);
  auto length = prefix_lengths_.find(selection.prefix.size());
  if (--length->second == 0) prefix_lengths_.erase(length);
}

void WatchDispatcher::Dispatch(const ObjectEventPtr& event) {
  const std::string_view key = event->object() ? event->object()->key() : event->previous()->key();
  for (const auto& [length, count] : prefix_lengths_) {
    if (length > key.size()) break;
    auto group = groups_.find(key.substr(0, length));
    if (group != groups_.end()) DispatchTo(group->second, event);
  }
}

void WatchDispatcher::DispatchTo(Group& group, const ObjectEventPtr& event) {
  OfferAll(group.all, event);
  for (auto& [field, by_value] : group.indexed) {
    const auto now = event->object() ? event->object()->field(field) : std::nullopt;
    const auto before = event->previous() ? event->previous()->field(field) : std::nullopt;
    if (now) {
      if (auto it = by_value.find(*now); it != by_value.end()) OfferAll(it->second, event);
    }
    if (!before || before == now) continue;
    if (auto it = by_value.find(*before); it != by_value.end()) OfferAll(it->second, event);
  }
}

void WatchDispatcher::ForEach(const std::function<void(WatchSubscriber&)>& visit) {
  for (auto& [prefix, group] : groups_) {
    for (WatchSubscriber* subscriber : group.all) visit(*subscriber);
    for (auto& [field, by_value] : group.indexed)
      for (auto& [value, place] : by_value)
        for (WatchSubscriber* subscriber : place) visit(*subscriber);
  }
}

}  // namespace wherry::apiserver::storage
