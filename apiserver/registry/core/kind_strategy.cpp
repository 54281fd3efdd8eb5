#include "apiserver/registry/core/kind_strategy.h"

#include "lib/api/codec.h"

#include <string>

namespace wherry::apiserver::registry {

bool SemanticEqual(const Message& a, const Message& b) {
  std::string left;
  std::string right;
  api::AppendJson(a, left);
  api::AppendJson(b, right);
  return left == right;
}

}  // namespace wherry::apiserver::registry
