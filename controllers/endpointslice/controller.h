#pragma once

#include "controllers/endpointslice/reconcile.h"
#include "controllers/objects/expectations.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::endpointslice {

// Keeps the EndpointSlices of services with a selector equal to the pods behind them. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  Task<Status> Execute(ServicePtr service, Actions actions);
  Task<Status> Update(std::shared_ptr<discoveryv1::EndpointSlice> slice);
  Task<Status> Remove(std::string key, EndpointSlicePtr slice);
  void OnPod(const client::MessagePtr& before, const client::MessagePtr& pod);
  void OnNode(const client::MessagePtr& before, const client::MessagePtr& node);

  World& world_;
  client::ApiClient& client_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& nodes_;
  client::Informer& slices_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
  Expectations expectations_;
};

}  // namespace wherry::controllers::endpointslice
