#pragma once

#include "controllers/namespaces/reconcile.h"
#include "controllers/objects/informers.h"
#include "lib/client/workqueue.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::controllers::namespaces {

// Empties namespaces that are being deleted, kind by kind, and then lets them go. Looks again
// whenever an object of such a namespace disappears. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string name);
  // Deletes what the namespace holds and counts what is there afterwards.
  Task<Remaining> Sweep(std::string name);
  Task<Status> EmptyKind(const api::KindInfo* kind, std::string ns,
                         std::shared_ptr<Remaining> remaining);
  // What there is of the kind; nullopt when `all_being_deleted` was asked for and does not hold.
  Task<Result<std::optional<Remaining>>> Count(const api::KindInfo* kind, std::string ns,
                                               bool all_being_deleted);

  World& world_;
  client::ApiClient& client_;
  client::Informer& namespaces_;
  std::vector<const api::KindInfo*> kinds_;  // the namespaced ones
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::namespaces
