#pragma once

#include <algorithm>

namespace wherry::api {

// Two maps of labels (or annotations) say the same.
template <typename Map>
bool SameLabels(const Map& left, const Map& right) {
  return left.size() == right.size() && std::all_of(left.begin(), left.end(), [&](const auto& l) {
           const auto it = right.find(l.first);
           return it != right.end() && it->second == l.second;
         });
}

}  // namespace wherry::api
