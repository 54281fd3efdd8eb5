#pragma once

#include "controllers/objects/informers.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::tokencleaner {

// Deletes bootstrap tokens (Secrets of that type in kube-system) once they have expired; one whose
// expiration is no time counts as expired. Source: upstream pkg/controller/bootstrap. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);

  World& world_;
  client::ApiClient& client_;
  client::Informer& secrets_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::tokencleaner
