#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/world.h"
#include "proxy/dataplane/dataplane.h"

#include <memory>
#include <string>

namespace wherry::proxy {

struct Options {
  std::string node_name;
};

// The node's service proxy: watches Services and EndpointSlices and keeps the dataplane equal to
// them. Changes that come while one is being applied are applied together next.
//
// Loop thread. World, client and dataplane outlive it. Destroying it leaves the kernel's rules in
// place, so that a restart of the agent disturbs no connection.
class App {
 public:
  App(World& world, client::ApiClient& client, dataplane::Dataplane& dataplane, Options options);
  ~App();
  void Start();
  // The first table has been applied.
  bool HasSynced() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::proxy
