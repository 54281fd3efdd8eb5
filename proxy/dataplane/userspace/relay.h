#pragma once

#include "lib/linux/fd.h"
#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proxy/dataplane/userspace/balancer.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace wherry::proxy::dataplane {

// TCP connections of one frontend that are being relayed. They outlive its listener, and end with
// this.
struct TcpConnections {
  struct Limits {
    size_t all = 2048;  // each takes two descriptors; more wait in the listener's backlog
    // Of one address, so that no client keeps all others out; more are reset. Half, since many may
    // hide behind one address.
    size_t per_client = 1024;
  };
  TcpConnections(Loop& loop, Limits the_limits) : limits(the_limits), scope(loop) {}

  const Limits limits;
  std::map<std::string, size_t> by_client;
  MonotonicTime next_log{};  // when reaching a limit is logged again
  TaskScope scope;           // last: its tasks use what is above
};

// Serves one frontend until the task is destroyed: accepts TCP connections, or relays datagrams.
// TCP connections are relayed by tasks among `connections`, which outlives this one; peers that are
// no longer there are found by keep-alive. Datagrams' flows end with the task. The world outlives
// it.
Task<void> ServeTcp(World& world, linux::Fd listener, std::shared_ptr<Balancer> balancer,
                    TcpConnections& connections);
Task<void> ServeUdp(World& world, linux::Fd socket, std::shared_ptr<Balancer> balancer);

}  // namespace wherry::proxy::dataplane
