#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::serviceaccount {

inline constexpr char kDefaultServiceAccount[] = "default";

// Gives every living namespace its ServiceAccount "default", again when it is deleted. Source:
// upstream pkg/controller/serviceaccount. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string ns);

  World& world_;
  client::ApiClient& client_;
  client::Informer& namespaces_;
  client::Informer& accounts_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::serviceaccount
