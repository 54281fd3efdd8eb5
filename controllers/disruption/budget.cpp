#include "controllers/disruption/budget.h"

#include "controllers/objects/conditions.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/codec.h"
#include "lib/api/intstr.h"
#include "lib/api/object_meta.h"
#include "lib/api/same_labels.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"

#include <algorithm>
#include <string>

namespace wherry::controllers::disruption {
namespace {

using policyv1::PodDisruptionBudget;
using policyv1::PodDisruptionBudgetStatus;

constexpr char kAllowed[] = "DisruptionAllowed";

struct Expected {
  int32_t pods = 0;
  int32_t healthy = 0;
};

Result<Expected> ExpectedOf(const PodDisruptionBudget& budget, int32_t selected, int32_t scale) {
  const auto& spec = budget.spec();
  Expected expected;
  if (spec.has_maxunavailable()) {
    expected.pods = scale;
    TRY(const int32_t missing,
        api::ScaledValueFromIntOrPercent(spec.maxunavailable(), scale, true));
    expected.healthy = std::max(0, scale - missing);
  } else if (spec.has_minavailable() && api::IsString(spec.minavailable())) {
    expected.pods = scale;
    TRY(expected.healthy, api::ScaledValueFromIntOrPercent(spec.minavailable(), scale, true));
  } else if (spec.has_minavailable()) {
    expected.pods = selected;
    expected.healthy = api::IntValue(spec.minavailable());
  }
  return expected;
}

void SetAllowed(PodDisruptionBudget& budget, bool allowed, const char* reason,
                const std::string& message, WallTime now) {
  metav1::Condition condition;
  condition.set_type(kAllowed);
  condition.set_status(allowed ? "True" : "False");
  condition.set_reason(reason);
  condition.set_message(message);
  condition.set_observedgeneration(budget.status().observedgeneration());
  api::SetTime(condition.mutable_lasttransitiontime(), now);
  auto* conditions = budget.mutable_status()->mutable_conditions();
  const auto* before = FindCondition(conditions, kAllowed);
  if (before != nullptr && before->status() == condition.status()) {
    *condition.mutable_lasttransitiontime() = before->lasttransitiontime();
  }
  RemoveCondition(conditions, kAllowed);
  *conditions->Add() = std::move(condition);
}

BudgetPtr UnlessSame(PodDisruptionBudget updated, const PodDisruptionBudget& before) {
  if (api::ToJson(updated.status()) == api::ToJson(before.status())) return nullptr;
  return std::make_shared<const PodDisruptionBudget>(std::move(updated));
}

}  // namespace

bool NeedsScale(const PodDisruptionBudget& budget) {
  const auto& spec = budget.spec();
  return spec.has_maxunavailable() ||
         (spec.has_minavailable() && api::IsString(spec.minavailable()));
}

bool CountsDifferently(const corev1::Pod& before, const corev1::Pod& after) {
  auto owner = [](const corev1::Pod& pod) -> std::string {
    const auto* reference = api::ControllerOf(pod.metadata());
    return reference == nullptr ? "" : reference->uid();
  };
  return before.metadata().uid() != after.metadata().uid() ||
         !api::SameLabels(before.metadata().labels(), after.metadata().labels()) ||
         IsBeingDeleted(before.metadata()) != IsBeingDeleted(after.metadata()) ||
         IsPodReady(before) != IsPodReady(after) || IsPodTerminal(before) != IsPodTerminal(after) ||
         owner(before) != owner(after);
}

Result<Verdict> Judge(const PodDisruptionBudget& budget, const std::vector<PodPtr>& pods,
                      int32_t scale, WallTime now) {
  TRY(const Expected expected, ExpectedOf(budget, static_cast<int32_t>(pods.size()), scale));
  Verdict verdict;
  PodDisruptionBudget updated = budget;
  PodDisruptionBudgetStatus& status = *updated.mutable_status();
  status.clear_disruptedpods();
  int32_t healthy = 0;
  for (const PodPtr& pod : pods) {
    if (IsBeingDeleted(pod->metadata())) continue;
    const auto evicted = budget.status().disruptedpods().find(pod->metadata().name());
    if (evicted != budget.status().disruptedpods().end()) {
      const WallTime gone_by = api::ToWallClock(evicted->second) + kDeletionTimeout;
      if (gone_by > now) {
        (*status.mutable_disruptedpods())[pod->metadata().name()] = evicted->second;
        verdict.look_again = std::min(verdict.look_again.value_or(gone_by), gone_by);
        continue;
      }
    }
    if (IsPodReady(*pod)) ++healthy;
  }
  // A budget without pods allows nothing, lest the first ones go before they are counted.
  const int32_t spare = expected.pods > 0 ? std::max(0, healthy - expected.healthy) : 0;
  status.set_currenthealthy(healthy);
  status.set_desiredhealthy(expected.healthy);
  status.set_expectedpods(expected.pods);
  status.set_disruptionsallowed(spare);
  status.set_observedgeneration(budget.metadata().generation());
  SetAllowed(updated, spare > 0, spare > 0 ? "SufficientPods" : "InsufficientPods", "", now);
  verdict.updated = UnlessSame(std::move(updated), budget);
  return verdict;
}

BudgetPtr Failed(const PodDisruptionBudget& budget, const Error& error, WallTime now) {
  PodDisruptionBudget updated = budget;
  updated.mutable_status()->set_disruptionsallowed(0);
  SetAllowed(updated, false, "SyncFailed", error.message, now);
  return UnlessSame(std::move(updated), budget);
}

}  // namespace wherry::controllers::disruption
