#pragma once

#include "apiserver/registry/strategy.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry {
class Random;
}
namespace wherry::api::meta::v1 {
class ObjectMeta;
}

// What the server does to metadata of every kind.
// Source: apimachinery pkg/api/validation/objectmeta.go; k8s.io/apiserver pkg/registry/rest.
namespace wherry::apiserver::registry {

// On creation: a fresh uid and creationTimestamp, deletion marks and server-owned members cleared.
void FillObjectMetaSystemFields(api::meta::v1::ObjectMeta& metadata, WallTime now, Random& random);
// "web-" becomes "web-x7k2p"; long bases are cut so that the result is a label.
std::string GenerateName(std::string_view base, Random& random);

api::field::ErrorList ValidateObjectMeta(const api::meta::v1::ObjectMeta& metadata,
                                         const Strategy& strategy);
// Labels, annotations, owner references, and what may not change.
api::field::ErrorList ValidateObjectMetaUpdate(const api::meta::v1::ObjectMeta& metadata,
                                               const api::meta::v1::ObjectMeta& old);

// A map's content in the order of its keys, as errors tell it; views into the map.
using SortedPairs = std::vector<std::pair<std::string_view, std::string_view>>;
template <typename Map>
SortedPairs Sorted(const Map& map) {
  SortedPairs pairs;
  pairs.reserve(map.size());
  for (const auto& [key, value] : map) pairs.emplace_back(key, value);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// Labels and annotations of anything that has them (pod templates too).
void ValidateLabels(const SortedPairs& labels, const api::field::Path& path,
                    api::field::ErrorList& errors);
void ValidateAnnotations(const SortedPairs& annotations, const api::field::Path& path,
                         api::field::ErrorList& errors);

}  // namespace wherry::apiserver::registry
