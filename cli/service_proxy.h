#pragma once

#include "cli/options.h"
#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::cli {

// The proxy with the dataplane that `options.proxy_mode` names. "auto" is iptables where its
// programs are installed, else userspace. Loop thread.
class ServiceProxy {
 public:
  ServiceProxy(World& world, client::ApiClient& client, const NodeOptions& options,
               const std::string& cluster_cidr);
  ~ServiceProxy();
  void Start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::cli
