#pragma once

#include "controllers/endpoints/reconcile.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::endpoints {

// Keeps the Endpoints of services with a selector equal to the pods behind them, and removes those
// whose service is gone. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<void> Run(TaskScope& scope);
  Task<Status> Sync(std::string key);
  void OnPod(const client::MessagePtr& before, const client::MessagePtr& pod);

  World& world_;
  client::ApiClient& client_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& endpoints_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
};

}  // namespace wherry::controllers::endpoints
