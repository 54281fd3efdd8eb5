#pragma once

#include "lib/base/result.h"
#include "nodeagent/init/protocol.h"

#include <vector>

namespace wherry::nodeagent::runtime::native {

// The node's devices, which a privileged container has too; terminals, shared memory and message
// queues are its own. Blocking; any thread.
Result<std::vector<init::DeviceNode>> ListHostDevices();

}  // namespace wherry::nodeagent::runtime::native
