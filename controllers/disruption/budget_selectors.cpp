#include "controllers/disruption/budget_selectors.h"

#include "lib/client/informer.h"
#include "proto/api/policy/v1.pb.h"

#include <utility>

namespace wherry::controllers::disruption {
namespace {

api::Selector Parse(const policyv1::PodDisruptionBudget& budget) {
  if (!budget.spec().has_selector()) return api::Selector::Nothing();
  auto selector = api::Selector::FromLabelSelector(budget.spec().selector());
  return selector.ok() ? std::move(*selector) : api::Selector::Nothing();
}

}  // namespace

const api::Selector& BudgetSelectors::Of(const BudgetPtr& budget) {
  Parsed& parsed = parsed_[client::KeyOf(*budget)];
  if (parsed.budget != budget) parsed = {.budget = budget, .selector = Parse(*budget)};
  return parsed.selector;
}

void BudgetSelectors::Forget(const policyv1::PodDisruptionBudget& budget) {
  parsed_.erase(client::KeyOf(budget));
}

}  // namespace wherry::controllers::disruption
