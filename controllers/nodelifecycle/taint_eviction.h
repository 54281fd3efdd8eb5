#pragma once

#include "controllers/nodelifecycle/health.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <map>
#include <string>

namespace wherry::controllers::nodelifecycle {

// Deletes pods from nodes with NoExecute taints that they do not tolerate, or no longer. The time a
// pod has is counted from when this process first saw it under the taint. Source: upstream
// pkg/controller/nodelifecycle/scheduler/taint_manager.go. Loop thread.
class TaintEviction {
 public:
  explicit TaintEviction(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<void> Run(TaskScope& scope);
  Task<Status> Sync(std::string key);
  void Spare(const PodPtr& pod);

  World& world_;
  client::ApiClient& client_;
  client::Informer& nodes_;
  client::Informer& pods_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
  std::map<std::string, MonotonicTime> tainted_since_;  // by pod uid
};

}  // namespace wherry::controllers::nodelifecycle
