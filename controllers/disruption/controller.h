#pragma once

#include "controllers/disruption/budget.h"
#include "controllers/disruption/budget_selectors.h"
#include "controllers/objects/informers.h"
#include "lib/client/workqueue.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::controllers::disruption {

// Keeps the status of every PodDisruptionBudget: how many of the pods it selects may be evicted
// now. The eviction subresource spends what it says. Source: upstream pkg/controller/disruption.
// Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  std::vector<PodPtr> PodsOf(const BudgetPtr& budget);
  // What the owners of the pods want together. Errors: kNotFound for an owner that is not there or
  // has no replicas.
  Task<Result<int32_t>> ScaleOf(std::vector<PodPtr> pods);
  Task<Result<int32_t>> ReplicasOf(std::string ns, metav1::OwnerReference owner);
  void EnqueueBudgetsOf(const corev1::Pod& pod);

  World& world_;
  client::ApiClient& client_;
  client::Informer& budgets_;
  client::Informer& pods_;
  client::Informer& replica_sets_;
  client::Informer& deployments_;
  client::WorkQueue queue_;
  BudgetSelectors selectors_;
};

}  // namespace wherry::controllers::disruption
