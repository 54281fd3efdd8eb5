#pragma once

#include "apiserver/storage/cacher/object_event.h"

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace wherry::apiserver::storage {

// The most recent events without a gap, bounded by their number and by the bytes of old values that
// they alone keep alive.
class EventWindow {
 public:
  struct Limits {
    size_t events = 0;
    size_t bytes = 0;
    size_t hot_events = 0;  // the newest so many keep their encoded frames
  };
  explicit EventWindow(Limits limits) : limits_(limits) {}

  // Forgets everything; the next event is the one after `revision`.
  void Reset(Revision revision);
  void Push(ObjectEventPtr event);

  // Every event with revision > start() is here.
  Revision start() const { return start_; }
  // Events under `prefix` with after < revision <= upto. after >= start().
  std::vector<ObjectEventPtr> Between(std::string_view prefix, Revision after, Revision upto) const;
  // What the keys under `prefix` that were written after `revision` held at it; null for nothing.
  // revision >= start().
  std::map<std::string_view, ObjectPtr> Before(std::string_view prefix, Revision revision) const;

 private:
  static size_t KeptBytes(const ObjectEvent& event);

  Limits limits_;
  Revision start_ = 0;
  size_t bytes_ = 0;
  std::deque<ObjectEventPtr> events_;
};

}  // namespace wherry::apiserver::storage
