#pragma once

#include "apiserver/registry/strategy.h"
#include "lib/api/kind_registry.h"

namespace wherry::apiserver::registry {

// A strategy that knows its kind's class. T must be complete where it is made.
template <typename T>
class KindStrategy : public Strategy {
 public:
  KindStrategy() : Strategy(api::KindOf<T>()) {}
};

// Whether both say the same in JSON: an empty list equals an absent one, an empty object does not.
// Source: apimachinery pkg/api/equality Semantic.DeepEqual.
bool SemanticEqual(const Message& a, const Message& b);

}  // namespace wherry::apiserver::registry
