#include "apiserver/registry/scheduling/register.h"

#include "apiserver/registry/scheduling/priority_class_strategy.h"

namespace wherry::apiserver::registry::scheduling {

void Register(KindTable& table) { table.Add(MakePriorityClassStrategy()); }

}  // namespace wherry::apiserver::registry::scheduling
