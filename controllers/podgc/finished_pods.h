#pragma once

#include "controllers/objects/types.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace wherry::controllers::podgc {

// Finished pods, of which only so many are kept: evicted ones go first, then the oldest.
class FinishedPods {
 public:
  explicit FinishedPods(size_t keep) : keep_(keep) {}  // 0 keeps all

  // The pod as it is now. Answers the keys of those that are too many because of it; they stay so
  // until they are gone.
  std::vector<std::string> Update(const corev1::Pod& pod);
  void Remove(const corev1::Pod& pod);
  bool IsSurplus(const std::string& key) const { return surplus_.contains(key); }

 private:
  // In the order of going: not evicted, creation time, key.
  using Place = std::tuple<bool, int64_t, std::string>;

  size_t keep_;
  std::set<Place> kept_;
  std::map<std::string, Place> places_;  // of those kept, by key
  std::set<std::string> surplus_;
};

}  // namespace wherry::controllers::podgc
