#pragma once

#include "controllers/objects/types.h"
#include "lib/base/result.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace wherry::api::policy::v1 {
class PodDisruptionBudget;
}

// What a PodDisruptionBudget allows at a moment. Source: upstream pkg/controller/disruption.
namespace wherry::controllers::disruption {

namespace policyv1 = api::policy::v1;
using BudgetPtr = std::shared_ptr<const policyv1::PodDisruptionBudget>;

// An evicted pod that is still there after this long was not deleted: it counts as healthy again.
inline constexpr std::chrono::minutes kDeletionTimeout{2};

// Whether the budget asks for a share of what the pods' owners want, not for a number of pods.
bool NeedsScale(const policyv1::PodDisruptionBudget& budget);

// Whether a changed pod may change what budgets allow: most changes of a status do not.
bool CountsDifferently(const corev1::Pod& before, const corev1::Pod& after);

struct Verdict {
  BudgetPtr updated;  // with its new status; null when that is right already
  // When to look again: an evicted pod should be gone by then.
  std::optional<WallTime> look_again;
};

// The status that follows from the pods the budget selects. `scale` is what their owners want
// together, used where NeedsScale. Errors: kInvalid for a share that is none.
Result<Verdict> Judge(const policyv1::PodDisruptionBudget& budget, const std::vector<PodPtr>& pods,
                      int32_t scale, WallTime now);
// When that cannot be known: nothing is allowed, and a condition says why. Null when it says so
// already.
BudgetPtr Failed(const policyv1::PodDisruptionBudget& budget, const Error& error, WallTime now);

}  // namespace wherry::controllers::disruption
