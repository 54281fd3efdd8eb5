#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"

#include <optional>
#include <string>

namespace wherry::nodeagent::network {

// Plain routes to the pods of other nodes on a shared segment. Acts on the network namespace of the
// thread that called Open. Blocking; one thread at a time.
class RouteTable {
 public:
  static Result<RouteTable> Open();

  // Makes `cidr` ("10.244.2.0/24") reachable by way of the node `via` ("10.0.0.3"). Repeating it
  // changes nothing. Errors: kInvalid, kInternalError (no such neighbour network).
  Status Ensure(const std::string& cidr, const std::string& via);
  // Gone already is fine.
  Status Remove(const std::string& cidr);
  // Where packets to `cidr` go now, if there is a route of its own.
  Result<std::optional<std::string>> Via(const std::string& cidr);

 private:
  explicit RouteTable(linux::RouteSocket socket) : socket_(std::move(socket)) {}
  linux::RouteSocket socket_;
};

}  // namespace wherry::nodeagent::network
