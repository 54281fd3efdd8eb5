#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <chrono>
#include <memory>
#include <string>

namespace wherry::controllers {

// All controllers of a cluster in one object: what upstream runs as kube-controller-manager.
//
// One at a time per cluster. Everything it does follows from watches; it keeps no state that a
// restart would lose. Loop thread; `world` and `client` outlive it.
class App {
 public:
  struct Options {
    // Published in every namespace as ConfigMap kube-root-ca.crt; empty: not published.
    std::string root_ca_pem;
    // Signs the tokens of Secrets of type kubernetes.io/service-account-token (see http::SignJwt):
    // the key by which the API server knows them. Empty: such Secrets stay as they are.
    std::string service_account_key_pem;
    // IPv4 range that nodes get their pod ranges from; empty: nodes come with their own.
    std::string cluster_cidr = "10.244.0.0/16";
    int node_cidr_mask = 24;
    // A node that has not been heard of for so long becomes Unknown.
    std::chrono::milliseconds node_monitor_grace{std::chrono::seconds(40)};
    // Pods of a node that has vanished are removed after so long.
    std::chrono::milliseconds node_gone_quarantine{std::chrono::seconds(40)};
    // Finished pods beyond this number are deleted; 0 keeps all.
    size_t terminated_pods_max = 12'500;
  };

  App(World& world, client::ApiClient& client, Options options);
  // Stops: nothing is sent any more once it returns.
  ~App();

  // Starts working, as soon as the server answers. Errors: kInvalid for unusable options.
  Status Start();
  // Every informer has its first list, so every controller works.
  bool Ready() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::controllers
