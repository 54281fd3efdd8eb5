#pragma once

#include "controllers/objects/expectations.h"
#include "controllers/objects/informers.h"
#include "controllers/replicaset/adapter.h"
#include "controllers/replicaset/reconcile.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <string>
#include <vector>

namespace wherry::controllers::replicaset {

// Keeps as many pods per replica set, or per object of the adapter's kind, as it asks for: watches
// both, adopts and releases pods, creates in batches that double, deletes what Reconcile picks, and
// reports the counts. Loop thread.
//
// Fault point "replicaset.ignore_expectations": acts on a copy that is known to be behind.
class Controller {
 public:
  Controller(Context context, Adapter adapter);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  Task<Result<std::vector<PodPtr>>> ClaimPods(ReplicaSetPtr set);
  std::vector<PodPtr> RelatedPods(const appsv1::ReplicaSet& set) const;
  Task<Status> CreatePods(ReplicaSetPtr set, int32_t count);
  Task<Status> CreatePod(ReplicaSetPtr set);
  Task<Status> DeletePods(ReplicaSetPtr set, std::vector<PodPtr> pods);
  Task<Status> DeletePod(ReplicaSetPtr set, PodPtr pod);
  Task<Status> WriteStatus(ReplicaSetPtr set, State state, std::optional<Error> failure);

  void OnPod(const corev1::Pod* before, const corev1::Pod& pod);
  void OnPodGone(const corev1::Pod& pod);
  void EnqueueMatching(const corev1::Pod& orphan);
  // The key of the live set that controls `object`, "" when there is none.
  std::string OwnerKey(const metav1::ObjectMeta& object) const;

  Adapter adapter_;
  World& world_;
  client::ApiClient& client_;
  client::Informer& replica_sets_;
  client::Informer& pods_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
  Expectations expectations_;
};

}  // namespace wherry::controllers::replicaset
