#pragma once

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

namespace wherry::apiserver::registry {

// Names seen so far, borrowed: a few are compared one by one, many go into a tree, so that a long
// list in a request costs no more than its length.
class NameSet {
 public:
  // False when it was there already.
  bool Insert(std::string_view name) {
    if (Contains(name)) return false;
    if (few_.size() < kFewMax) {
      few_.push_back(name);
    } else {
      many_.insert(name);
    }
    return true;
  }
  bool Contains(std::string_view name) const {
    return std::find(few_.begin(), few_.end(), name) != few_.end() || many_.contains(name);
  }

 private:
  static constexpr size_t kFewMax = 16;
  std::vector<std::string_view> few_;
  std::set<std::string_view> many_;
};

}  // namespace wherry::apiserver::registry
