#pragma once

#include "controllers/deployment/own_writes.h"
#include "controllers/deployment/reconcile.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <string>
#include <vector>

namespace wherry::controllers::deployment {

// Makes replica sets follow deployments: watches both (and pods, for Recreate), asks Reconcile what
// to do about a deployment, and does it. Loop thread.
//
// Fault point "deployment.ignore_own_writes": decides on a cache that is known to be behind.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  Task<Result<std::vector<ReplicaSetPtr>>> ClaimReplicaSets(DeploymentPtr deployment);
  // Reads what became of writes that got no answer.
  Task<Status> Clarify(std::string key);
  Task<Status> UpdateReplicaSet(DeploymentPtr deployment, Actions::Write write);
  Task<Status> Execute(DeploymentPtr deployment, Actions actions);
  Task<Status> CreateReplicaSet(DeploymentPtr deployment, Actions::Write create);
  Task<Status> WriteStatus(std::shared_ptr<appsv1::Deployment> deployment);
  void OnOwnerChange(const metav1::ObjectMeta& before, const metav1::ObjectMeta& set);
  void OnReplicaSet(const appsv1::ReplicaSet& set);
  void OnPodDeleted(const corev1::Pod& pod);
  void EnqueueOwner(const metav1::ObjectMeta& set);

  World& world_;
  client::ApiClient& client_;
  client::Informer& deployments_;
  client::Informer& replica_sets_;
  client::Informer& pods_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
  OwnWrites own_writes_;
};

}  // namespace wherry::controllers::deployment
