#pragma once

#include "lib/loop/world.h"
#include "proxy/dataplane/dataplane.h"

#include <cstddef>
#include <memory>
#include <string>

namespace wherry::proxy::dataplane {

struct UserspaceOptions {
  std::string pod_cidr;  // the whole cluster's; its clients count as inside
  // TCP connections of one frontend at once, and of one client address among them.
  size_t connections_max = 2048;
  size_t connections_per_client_max = 1024;
};

// Services as sockets of this process, which relays every connection: no packet filter is needed.
// Cluster and external addresses are added to the loopback link, so that their packets end here
// (needs CAP_NET_ADMIN; without it only node ports work, and a log line says so). Backends see this
// node as the client.
//
// TCP: a backend is chosen per connection, round robin; one that refuses is skipped for the next. A
// frontend without backends has no listening socket, so the kernel refuses with a reset, and
// connections that are open stay until the frontend goes; a client that the source ranges do not
// admit is reset too (UDP: not answered). UDP: a client keeps its backend until it has been silent
// for a minute.
std::unique_ptr<Dataplane> MakeUserspace(World& world, UserspaceOptions options = {});

}  // namespace wherry::proxy::dataplane
