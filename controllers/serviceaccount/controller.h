#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/workqueue.h"

#include <memory>
#include <string>

namespace wherry::controllers::serviceaccount {

inline constexpr char kDefaultServiceAccount[] = "default";
inline constexpr char kRootCaConfigMap[] = "kube-root-ca.crt";
inline constexpr char kRootCaKey[] = "ca.crt";

// Gives every living namespace its ServiceAccount "default" and the ConfigMap "kube-root-ca.crt"
// with the certificate authority that clients in pods trust; restores them when they are deleted or
// altered. Source: upstream pkg/controller/serviceaccount,
// pkg/controller/certificates/rootcacertpublisher. Loop thread.
class Controller {
 public:
  // `root_ca_pem` empty: no ConfigMap is published.
  Controller(Context context, std::string root_ca_pem);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<void> Run(TaskScope& scope);
  Task<Status> Sync(std::string ns);
  Task<Status> EnsureServiceAccount(std::string ns);
  Task<Status> EnsureRootCa(std::string ns);

  World& world_;
  client::ApiClient& client_;
  client::Informer& namespaces_;
  client::Informer& accounts_;
  client::Informer& config_maps_;
  std::string root_ca_pem_;
  client::WorkQueue queue_;
};

}  // namespace wherry::controllers::serviceaccount
