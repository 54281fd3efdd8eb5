#pragma once

#include "controllers/disruption/budget.h"
#include "lib/api/labels.h"

#include <map>
#include <string>

namespace wherry::controllers::disruption {

// The selectors of budgets, parsed once per revision: they are asked about every pod. Loop thread.
class BudgetSelectors {
 public:
  // Matches nothing when the budget has no selector, or one that does not parse. Valid until the
  // budget changes or is forgotten.
  const api::Selector& Of(const BudgetPtr& budget);
  void Forget(const policyv1::PodDisruptionBudget& budget);
  size_t size() const { return parsed_.size(); }

 private:
  struct Parsed {
    BudgetPtr budget;
    api::Selector selector;
  };
  std::map<std::string, Parsed> parsed_;  // by the budget's key
};

}  // namespace wherry::controllers::disruption
