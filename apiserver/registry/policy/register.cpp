#include "apiserver/registry/policy/register.h"

#include "apiserver/registry/policy/pod_disruption_budget_strategy.h"

namespace wherry::apiserver::registry::policy {

void Register(KindTable& table) { table.Add(MakePodDisruptionBudgetStrategy()); }

}  // namespace wherry::apiserver::registry::policy
