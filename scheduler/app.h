#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>

namespace wherry::scheduler {

struct Options {
  std::string scheduler_name = "default-scheduler";  // schedules the pods that name it
};

// The scheduler: watches nodes and pods, and binds each pending pod to the node that the plugins
// choose.
//
// Loop thread. World and client outlive it; destroying it stops it, bindings under way included
// (they are decided by the API server, and the next start sees what became of them).
class App {
 public:
  App(World& world, client::ApiClient& client, Options options);
  ~App();
  void Start();
  // Nodes and pods have been listed.
  bool HasSynced() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::scheduler
