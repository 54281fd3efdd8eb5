#include "apiserver/registry/core/resource_lists.h"

#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::apiserver::registry {

void RoundUpToMilli(ResourceList& list) {
  for (auto& [name, quantity] : list) {
    // Only these spellings can stand for something finer.
    if (quantity.string().find_first_of("nu.eE") == std::string::npos) continue;
    api::Quantity rounded = api::Quantity::From(quantity);
    rounded.RoundUp(-3);
    rounded.To(&quantity);
  }
}

bool IsHugePageResource(std::string_view name) { return name.starts_with("hugepages-"); }

bool IsNativeResource(std::string_view name) {
  return name.find('/') == std::string_view::npos ||
         name.find("kubernetes.io/") != std::string_view::npos;
}

bool IsExtendedResource(std::string_view name) {
  if (IsNativeResource(name) || name.starts_with("requests.")) return false;
  return api::IsQualifiedName("requests." + std::string(name)).empty();
}

}  // namespace wherry::apiserver::registry
