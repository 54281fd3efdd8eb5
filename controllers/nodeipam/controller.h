#pragma once

#include "controllers/nodeipam/cidr_set.h"
#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <map>
#include <string>

namespace wherry::controllers::nodeipam {

// Gives each node without one a pod range of the cluster's (spec.podCIDR). Source: upstream
// pkg/controller/nodeipam, range allocator. Loop thread.
class Controller {
 public:
  Controller(Context context, CidrSet ranges);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string name);

  World& world_;
  client::ApiClient& client_;
  client::Informer& nodes_;
  CidrSet ranges_;
  std::map<std::string, std::string> held_;  // by node: what it has, or is about to get
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
};

}  // namespace wherry::controllers::nodeipam
