#pragma once

#include "lib/base/result.h"
#include "lib/linux/netlink.h"
#include "nodeagent/init/protocol.h"

namespace wherry::nodeagent::init {

// Sets up a pod's interfaces. Must already be true: the caller is in the pod's new network
// namespace; `host` was opened in the node's before that.
Status SetUpPodNetwork(const NetworkSpec& network, linux::RouteSocket& host);

}  // namespace wherry::nodeagent::init
