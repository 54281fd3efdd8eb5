#include "apiserver/registry/coordination/register.h"

#include "apiserver/registry/coordination/lease_strategy.h"

namespace wherry::apiserver::registry::coordination {

void Register(KindTable& table) { table.Add(MakeLeaseStrategy()); }

}  // namespace wherry::apiserver::registry::coordination
