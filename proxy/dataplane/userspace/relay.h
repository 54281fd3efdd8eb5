#pragma once

#include "lib/linux/fd.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "proxy/dataplane/userspace/balancer.h"

#include <memory>

namespace wherry::proxy::dataplane {

// Serves one frontend until the task is destroyed: accepts and relays TCP connections, or relays
// datagrams. Connections live in tasks of their own below it and end with it. The world outlives
// it.
Task<void> ServeTcp(World& world, linux::Fd listener, std::shared_ptr<Balancer> balancer);
Task<void> ServeUdp(World& world, linux::Fd socket, std::shared_ptr<Balancer> balancer);

}  // namespace wherry::proxy::dataplane
