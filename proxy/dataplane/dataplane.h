#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"
#include "proxy/services/table.h"

#include <string_view>

namespace wherry::proxy::dataplane {

// Makes this node forward as a Table says. tests/contract/dataplane is the suite that every backend
// passes.
//
// Loop thread. One call at a time.
class Dataplane {
 public:
  virtual ~Dataplane() = default;
  virtual std::string_view name() const = 0;  // "iptables", "userspace"

  // Afterwards the node forwards exactly what `table` says, whatever was there before: also what an
  // earlier process left. Connections to backends that stay are not disturbed. Errors name the
  // step; the next call starts from the kernel's real state again.
  virtual Task<Status> Apply(services::Table table) = 0;
  // Whether the kernel still holds what the last Apply put there. False after others took it away
  // (a flush, a reload of another firewall): the next Apply puts it back. Cheap while nobody
  // changes anything.
  virtual Task<Result<bool>> Intact() = 0;
  // Takes everything of this backend out of the kernel.
  virtual Task<Status> Cleanup() = 0;
};

}  // namespace wherry::proxy::dataplane
