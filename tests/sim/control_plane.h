#pragma once

#include "apiserver/app.h"
#include "apiserver/storage/memory/memory_store.h"
#include "controllers/manager/app.h"
#include "lib/client/api_client.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "scheduler/app.h"
#include "tests/support/fake_kubelet.h"
#include "tests/support/sim_transport.h"

#include <memory>
#include <string>
#include <vector>

namespace wherry::sim {

// A whole control plane in one simulated world: the store as the disk, API server, controllers and
// scheduler as processes that can die and come back, nodes that run pods by word of mouth.
class ControlPlane {
 public:
  ControlPlane(World& world, testing::SimTransport::Faults faults, int nodes,
               controllers::App::Options options = {});
  ~ControlPlane();

  // What dies loses what it had not sent; it starts again after `down`.
  void RestartApiServer(std::chrono::milliseconds down);
  void RestartControllers(std::chrono::milliseconds down);
  void RestartScheduler(std::chrono::milliseconds down);

  // The node's agent dies, or comes back; its pods live on.
  void StopNode(size_t number);
  void StartNode(size_t number);

  apiserver::storage::MemoryStore& store() { return store_; }
  testing::SimTransport& network() { return network_; }
  // The user's: over a network of its own that only breaks when the server is away.
  client::ApiClient& user() { return user_; }

 private:
  Task<void> RunApiServer(std::chrono::milliseconds wait);
  Task<void> RunControllers(std::chrono::milliseconds wait);
  Task<void> RunScheduler(std::chrono::milliseconds wait);

  World& world_;
  controllers::App::Options controllers_options_;
  apiserver::storage::MemoryStore store_;
  std::unique_ptr<apiserver::App> api_server_;
  testing::SimTransport network_;
  testing::SimTransport user_network_;
  client::ApiClient controllers_client_;
  client::ApiClient scheduler_client_;
  client::ApiClient kubelet_client_;
  client::ApiClient user_;
  std::unique_ptr<controllers::App> controllers_;
  std::unique_ptr<scheduler::App> scheduler_;
  std::vector<std::unique_ptr<testing::FakeKubelet>> kubelets_;
  std::unique_ptr<TaskScope> api_server_scope_;
  std::unique_ptr<TaskScope> controllers_scope_;
  std::unique_ptr<TaskScope> scheduler_scope_;
};

}  // namespace wherry::sim
