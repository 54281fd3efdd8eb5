#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/workqueue.h"

#include <string>

namespace wherry::controllers::rootcacertpublisher {

// Gives every living namespace the ConfigMap "kube-root-ca.crt" with the certificate authority that
// clients in pods trust (their projected volumes name it), and restores it when it is deleted or
// altered. Source: upstream pkg/controller/certificates/rootcacertpublisher. Loop thread.
class Controller {
 public:
  Controller(Context context, std::string root_ca_pem);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string ns);

  World& world_;
  client::ApiClient& client_;
  client::Informer& namespaces_;
  client::Informer& config_maps_;
  std::string root_ca_pem_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::rootcacertpublisher
