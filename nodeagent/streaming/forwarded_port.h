#pragma once

#include "lib/loop/sync.h"
#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/streaming/port_forward.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace wherry::nodeagent::streaming {

// One connection to a port of a pod, whatever carries it to the client.
//
// Begin connects; from then on bytes go both ways until the pod has ended its side, or the client
// takes the object away. What the client sends waits here up to 256 KiB; more makes its reader
// wait, and a pod that takes nothing for five minutes loses the connection. Loop thread.
class ForwardedPort {
 public:
  // What happens, told to whoever carries it. They may wait, and are not called after destruction.
  struct Client {
    std::function<Task<Status>(std::string bytes)> data;
    // The connection is over, "" without an error. May not destroy the object.
    std::function<Task<void>(std::string error)> end;
  };
  ForwardedPort(World& world, std::string pod, uint16_t port, Client client);

  void Begin(ConnectToPort connect);
  // From the client. Returns when there is room for more.
  Task<void> Take(std::string bytes);
  // The client has ended its side.
  void TakeEnd();
  // The client has been told of the end.
  bool over() const { return over_; }

 private:
  Task<void> Run(ConnectToPort connect);
  Task<void> ToPod();
  Task<Status> ToClient();

  World& world_;
  std::string pod_;
  uint16_t port_;
  Client client_;
  std::unique_ptr<runtime::PodConnection> connection_;
  std::string waiting_;
  bool client_ended_ = false;
  bool ended_ = false;
  bool over_ = false;
  Notifier changed_;
  TaskScope scope_;  // goes first
};

}  // namespace wherry::nodeagent::streaming
