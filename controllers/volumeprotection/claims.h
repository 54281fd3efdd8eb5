#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/workqueue.h"

#include <memory>
#include <string>

namespace wherry::api::core::v1 {
class PersistentVolumeClaim;
}

namespace wherry::controllers::volumeprotection {

// Lets a PersistentVolumeClaim that is being deleted go once no pod uses it, and gives the
// finalizer to those that came without. Source: upstream pkg/controller/volume/pvcprotection. Loop
// thread.
class Claims {
 public:
  explicit Claims(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  void OnPod(const client::MessagePtr& pod, bool deleted);
  Task<Status> Sync(std::string key);
  Task<Result<bool>> IsUsed(std::shared_ptr<const corev1::PersistentVolumeClaim> claim);

  World& world_;
  client::ApiClient& client_;
  client::Informer& claims_;
  client::Informer& pods_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::volumeprotection
