#pragma once

#include "controllers/objects/informers.h"
#include "controllers/objects/types.h"
#include "lib/client/workqueue.h"

#include <memory>
#include <string>

namespace wherry::api::core::v1 {
class Secret;
}

namespace wherry::controllers::serviceaccount {

// Keeps the Secrets of type kubernetes.io/service-account-token: fills in a token of the account
// that the Secret names, which has no end, the cluster's certificate authority and the namespace;
// deletes the Secret with its account. Source: upstream
// pkg/controller/serviceaccount/tokens_controller.go. Loop thread.
class Tokens {
 public:
  struct Options {
    std::string key_pem;      // signs the tokens; the API server's own
    std::string root_ca_pem;  // "": ca.crt stays as it is
  };
  Tokens(Context context, Options options);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(std::string key);
  // The account that the Secret is of; null when there is none, or another of that name.
  Task<Result<std::shared_ptr<const corev1::ServiceAccount>>> AccountOf(
      std::shared_ptr<const corev1::Secret> secret);

  World& world_;
  client::ApiClient& client_;
  client::Informer& accounts_;
  client::Informer& secrets_;
  Options options_;
  client::WorkQueue queue_;  // of Secrets
};

}  // namespace wherry::controllers::serviceaccount
