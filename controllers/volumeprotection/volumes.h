#pragma once

#include "controllers/objects/informers.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::volumeprotection {

// Lets a PersistentVolume that is being deleted go once it is bound to no claim, and gives the
// finalizer to those that came without. Source: upstream pkg/controller/volume/pvprotection. Loop
// thread.
class Volumes {
 public:
  explicit Volumes(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string name);

  World& world_;
  client::ApiClient& client_;
  client::Informer& volumes_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::volumeprotection
