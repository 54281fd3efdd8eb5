#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::cli {

// Keeps a plain route to the pods of every other node: from its Node's spec.podCIDR by way of its
// InternalIP. Nodes share a segment. A route that cannot be made, or that others removed, is tried
// again every 10 s and when the Node changes; the failure is logged once. Loop thread.
class PeerRoutes {
 public:
  PeerRoutes(World& world, client::ApiClient& client, std::string own_name);
  ~PeerRoutes();
  Status Start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::cli
