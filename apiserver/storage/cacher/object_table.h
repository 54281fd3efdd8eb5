#pragma once

#include "apiserver/storage/cacher/cached_object.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace wherry::apiserver::storage {

// Objects ordered by key: a list of short sorted runs, 16 bytes per object beside the object.
class ObjectTable {
 public:
  // Null when absent.
  ObjectPtr Find(std::string_view key) const;
  // Inserts or replaces; the object that was there, or null.
  ObjectPtr Put(ObjectPtr object);
  // The object that was there, or null.
  ObjectPtr Erase(std::string_view key);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Keys under `prefix` that are greater than `after` ("" counts all of them).
  int64_t Count(std::string_view prefix, std::string_view after = {}) const;

  // A place in the order; any change of the table invalidates it.
  class Cursor {
   public:
    // Null at the end.
    const CachedObject* get() const;
    const ObjectPtr& pointer() const;
    void Advance();
    // This object and those after it that lie beside it, at least one. Not at the end.
    std::span<const ObjectPtr> Neighbours() const;
    // Past as many of them; at least one.
    void Skip(size_t count);

   private:
    friend class ObjectTable;
    const ObjectTable* table_ = nullptr;
    size_t run_ = 0;
    size_t index_ = 0;
  };
  // The first object whose key is >= key.
  Cursor Seek(std::string_view key) const;
  // The first object under `prefix` with a key > after.
  Cursor SeekPast(std::string_view prefix, std::string_view after) const;

 private:
  using Run = std::vector<ObjectPtr>;
  static constexpr size_t kRunMax = 128;

  // The run in which `key` is or would be; 0 in an empty table.
  size_t RunOf(std::string_view key) const;
  // How many objects have a key below `cursor`.
  int64_t Ordinal(const Cursor& cursor) const;

  std::vector<Run> runs_;  // none is empty
  size_t size_ = 0;
};

}  // namespace wherry::apiserver::storage
