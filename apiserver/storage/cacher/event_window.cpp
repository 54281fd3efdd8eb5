#include "apiserver/storage/cacher/event_window.h"

#include <ranges>

namespace wherry::apiserver::storage {
namespace {

std::string_view KeyOf(const ObjectEvent& event) {
  return event.object() ? event.object()->key() : event.previous()->key();
}

}  // namespace

size_t EventWindow::KeptBytes(const ObjectEvent& event) {
  return event.previous() ? event.previous()->kv().value->size() : 0;
}

void EventWindow::Reset(Revision revision) {
  events_.clear();
  bytes_ = 0;
  start_ = revision;
}

void EventWindow::Push(ObjectEventPtr event) {
  CHECK(event->revision() == start_ + static_cast<Revision>(events_.size()) + 1);
  bytes_ += KeptBytes(*event);
  events_.push_back(std::move(event));
  if (events_.size() > limits_.hot_events) events_[events_.size() - limits_.hot_events - 1]->Cool();
  while (events_.size() > limits_.events || (bytes_ > limits_.bytes && !events_.empty())) {
    bytes_ -= KeptBytes(*events_.front());
    start_ = events_.front()->revision();
    events_.pop_front();
  }
}

std::vector<ObjectEventPtr> EventWindow::Between(std::string_view prefix, Revision after,
                                                 Revision upto) const {
  CHECK(after >= start_);
  std::vector<ObjectEventPtr> found;
  for (auto i = static_cast<size_t>(after - start_); i < events_.size(); ++i) {
    const ObjectEventPtr& event = events_[i];
    if (event->revision() > upto) break;
    if (KeyOf(*event).starts_with(prefix)) found.push_back(event);
  }
  return found;
}

std::map<std::string_view, ObjectPtr> EventWindow::Before(std::string_view prefix,
                                                          Revision revision) const {
  CHECK(revision >= start_);
  // Newest first: the oldest write after `revision` has the last word.
  std::map<std::string_view, ObjectPtr> before;
  for (const ObjectEventPtr& event : std::views::reverse(events_)) {
    if (event->revision() <= revision) break;
    const std::string_view key = KeyOf(*event);
    if (key.starts_with(prefix)) before.insert_or_assign(key, event->previous());
  }
  return before;
}

}  // namespace wherry::apiserver::storage
