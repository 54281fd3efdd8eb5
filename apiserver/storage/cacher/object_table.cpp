#include "apiserver/storage/cacher/object_table.h"

#include <algorithm>
#include <iterator>

namespace wherry::apiserver::storage {
namespace {

auto KeyBelow(const ObjectPtr& object, std::string_view key) { return object->key() < key; }

// The least string above everything that starts with `prefix`; "" when there is none.
std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return end;
}

}  // namespace

const CachedObject* ObjectTable::Cursor::get() const {
  return run_ < table_->runs_.size() ? table_->runs_[run_][index_].get() : nullptr;
}

const ObjectPtr& ObjectTable::Cursor::pointer() const { return table_->runs_[run_][index_]; }

void ObjectTable::Cursor::Advance() { Skip(1); }

std::span<const ObjectPtr> ObjectTable::Cursor::Neighbours() const {
  return std::span(table_->runs_[run_]).subspan(index_);
}

void ObjectTable::Cursor::Skip(size_t count) {
  index_ += count;
  if (index_ < table_->runs_[run_].size()) return;
  ++run_;
  index_ = 0;
}

size_t ObjectTable::RunOf(std::string_view key) const {
  // The last run that begins at or below the key.
  auto above = std::upper_bound(
      runs_.begin(), runs_.end(), key,
      [](std::string_view wanted, const Run& run) { return wanted < run.front()->key(); });
  return above == runs_.begin() ? 0 : static_cast<size_t>(above - runs_.begin()) - 1;
}

ObjectTable::Cursor ObjectTable::Seek(std::string_view key) const {
  Cursor cursor;
  cursor.table_ = this;
  if (runs_.empty()) return cursor;
  cursor.run_ = RunOf(key);
  const Run& run = runs_[cursor.run_];
  const auto at = std::lower_bound(run.begin(), run.end(), key, KeyBelow);
  cursor.index_ = static_cast<size_t>(at - run.begin());
  if (at == run.end()) {
    ++cursor.run_;
    cursor.index_ = 0;
  }
  return cursor;
}

ObjectTable::Cursor ObjectTable::SeekPast(std::string_view prefix, std::string_view after) const {
  Cursor cursor = Seek(std::max(prefix, after));
  if (!after.empty() && cursor.get() != nullptr && cursor.get()->key() == after) cursor.Advance();
  return cursor;
}

ObjectPtr ObjectTable::Find(std::string_view key) const {
  const Cursor cursor = Seek(key);
  if (cursor.get() == nullptr || cursor.get()->key() != key) return nullptr;
  return cursor.pointer();
}

ObjectPtr ObjectTable::Put(ObjectPtr object) {
  if (runs_.empty()) {
    runs_.push_back({std::move(object)});
    size_ = 1;
    return nullptr;
  }
  const std::string_view key = object->key();
  const size_t index = RunOf(key);
  Run& run = runs_[index];
  auto at = std::lower_bound(run.begin(), run.end(), key, KeyBelow);
  if (at != run.end() && (*at)->key() == key) return std::exchange(*at, std::move(object));
  const bool at_the_end = at == run.end() && index + 1 == runs_.size();
  run.insert(at, std::move(object));
  ++size_;
  if (run.size() <= kRunMax) return nullptr;
  // Keys that come in order leave full runs behind.
  const auto keep = static_cast<std::ptrdiff_t>(at_the_end ? kRunMax : kRunMax / 2);
  Run upper(std::make_move_iterator(run.begin() + keep), std::make_move_iterator(run.end()));
  run.erase(run.begin() + keep, run.end());
  runs_.insert(runs_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  return nullptr;
}

ObjectPtr ObjectTable::Erase(std::string_view key) {
  const Cursor cursor = Seek(key);
  if (cursor.get() == nullptr || cursor.get()->key() != key) return nullptr;
  Run& run = runs_[cursor.run_];
  const auto at = run.begin() + static_cast<std::ptrdiff_t>(cursor.index_);
  ObjectPtr object = std::move(*at);
  run.erase(at);
  --size_;
  const auto here = static_cast<std::ptrdiff_t>(cursor.run_);
  if (run.empty()) {
    runs_.erase(runs_.begin() + here);
    return object;
  }
  // A thinned-out run joins its successor, so that the table shrinks with its content.
  if (cursor.run_ + 1 < runs_.size() && run.size() + runs_[cursor.run_ + 1].size() <= kRunMax / 2) {
    Run& next = runs_[cursor.run_ + 1];
    run.insert(run.end(), std::make_move_iterator(next.begin()),
               std::make_move_iterator(next.end()));
    runs_.erase(runs_.begin() + here + 1);
  }
  return object;
}

int64_t ObjectTable::Ordinal(const Cursor& cursor) const {
  size_t below = cursor.index_;
  for (size_t run = 0; run < cursor.run_; ++run) below += runs_[run].size();
  return static_cast<int64_t>(below);
}

int64_t ObjectTable::Count(std::string_view prefix, std::string_view after) const {
  const std::string end = PrefixEnd(prefix);
  const int64_t upper = end.empty() ? static_cast<int64_t>(size_) : Ordinal(Seek(end));
  return std::max<int64_t>(0, upper - Ordinal(SeekPast(prefix, after)));
}

}  // namespace wherry::apiserver::storage
