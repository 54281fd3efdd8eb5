#pragma once

#include "controllers/endpointslicemirroring/reconcile.h"
#include "controllers/objects/expectations.h"
#include "controllers/objects/informers.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::endpointslicemirroring {

// Keeps EndpointSlices equal to Endpoints that users write themselves, so that whoever reads slices
// only sees those too. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);

  World& world_;
  client::ApiClient& client_;
  client::Informer& services_;
  client::Informer& endpoints_;
  client::Informer& slices_;
  client::WorkQueue queue_;
  Expectations expectations_;
};

}  // namespace wherry::controllers::endpointslicemirroring
