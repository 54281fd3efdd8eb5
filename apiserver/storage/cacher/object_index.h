#pragma once

#include "apiserver/storage/cacher/object_table.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace wherry::apiserver::storage {

// The registered kinds: which codec a key gets, and the objects of each kind by the value of each
// indexed field.
class ObjectIndex {
 public:
  // Replaces what was registered under the same prefix; the caller adds the objects again.
  void Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec);
  // The codec of the longest registered prefix of `key`, or null.
  std::shared_ptr<const ObjectCodec> CodecOf(std::string_view key) const;

  void Add(const ObjectPtr& object);
  void Remove(const CachedObject& object);
  void Clear();

  // Whether keys under `prefix` are all of one kind that indexes `field`.
  bool Indexes(std::string_view prefix, std::string_view field) const;
  // The objects with that value; null when there are none. Indexes(prefix, field) holds.
  const ObjectTable* Find(std::string_view prefix, std::string_view field,
                          const std::string& value) const;

 private:
  using ByValue = std::unordered_map<std::string, ObjectTable>;
  struct Kind {
    std::shared_ptr<const ObjectCodec> codec;
    std::map<std::string, ByValue, std::less<>> fields;
  };
  const Kind* KindOf(std::string_view key) const;
  Kind* KindOf(std::string_view key);

  std::map<std::string, Kind, std::less<>> kinds_;  // by prefix
};

}  // namespace wherry::apiserver::storage
