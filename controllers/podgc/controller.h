#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "controllers/podgc/finished_pods.h"
#include "lib/client/workqueue.h"

#include <map>
#include <string>

namespace wherry::controllers::podgc {

struct Options {
  // Finished pods beyond this many are deleted, evicted ones and then the oldest first; 0 keeps
  // all.
  size_t terminated_max = 12'500;
  // A node must be missing for so long before its pods are taken for lost.
  std::chrono::seconds quarantine{40};
};

// Removes pods nobody else will: on nodes that are gone, terminating without ever having had a
// node or on one that is out of service, and finished ones beyond a number. Event driven where
// upstream's pkg/controller/podgc polls. Loop thread.
class Controller {
 public:
  Controller(Context context, Options options);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  Task<Status> SyncOrphan(PodPtr pod);
  void OnPod(const corev1::Pod& pod);
  void EnqueuePodsOf(const std::string& node);

  World& world_;
  client::ApiClient& client_;
  client::Informer& pods_;
  client::Informer& nodes_;
  Options options_;
  client::WorkQueue queue_;
  FinishedPods finished_;
  std::map<std::string, MonotonicTime> missing_since_;  // by node
};

}  // namespace wherry::controllers::podgc
