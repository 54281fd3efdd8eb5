#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>

namespace wherry::nodeagent::probes {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// Finds the addresses of host names that pods' authors chose, on threads of its own: a resolver
// that is silent for half a minute keeps nothing else of the node waiting.
//
// One lookup per name is under way, however often it is asked for and given up; at most
// kLookupsMax of different names. Loop thread. Its end waits for no lookup.
class NameLookups {
 public:
  static constexpr size_t kLookupsMax = 16;
  // Blocks. Called on another thread, perhaps after the end of this object.
  using LookUp = std::function<Result<SocketAddress>(const std::string& host)>;

  explicit NameLookups(Loop& loop, LookUp look_up = nullptr);  // null: getaddrinfo(3)
  ~NameLookups();

  // The port of the address is 0. Errors: "lookup x: ..." in getaddrinfo's words, or that too many
  // are under way.
  Task<Result<SocketAddress>> Find(std::string host);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wherry::nodeagent::probes
