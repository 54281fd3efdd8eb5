#pragma once

#include "lib/client/api_client.h"
#include "lib/client/informer.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>

namespace wherry::testing {

// A node without containers: registers itself or says that it is back, sends heartbeats, says after
// random delays that its pods run, and after others that terminating ones have ended. Asks again
// until it is heard.
class FakeKubelet {
 public:
  struct Options {
    std::string name;
    int pods_max = 110;
    std::chrono::milliseconds start_delay_max{2000};
    std::chrono::milliseconds stop_delay_max{2000};
  };
  FakeKubelet(World& world, client::ApiClient& client, Options options);
  ~FakeKubelet();
  void Start();

 private:
  Task<void> Register();
  Task<void> Heartbeat();
  Task<void> StartPod(client::MessagePtr pod);
  Task<void> StopPod(client::MessagePtr pod);
  Task<void> SleepUpTo(std::chrono::milliseconds max);

  World& world_;
  client::ApiClient& client_;
  Options options_;
  std::unique_ptr<client::Informer> pods_;
  std::set<std::string> started_;
  std::set<std::string> stopped_;
  int addresses_ = 0;
  TaskScope scope_;
};

}  // namespace wherry::testing
