#include "apiserver/registry/core/register.h"

#include "apiserver/registry/core/strategies.h"

namespace wherry::apiserver::registry::core {

void Register(KindTable& table) {
  table.Add(MakePodStrategy());
  table.Add(MakeServiceStrategy());
  table.Add(MakeNamespaceStrategy());
  table.Add(MakeNodeStrategy());
}

}  // namespace wherry::apiserver::registry::core
