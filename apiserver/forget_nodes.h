#pragma once

#include "apiserver/nodeconnect/node_connections.h"
#include "apiserver/registry/store.h"
#include "lib/loop/task.h"

namespace wherry::apiserver {

// Drops the connection to each Node that is deleted, until it is destroyed; both outlive it.
Task<void> ForgetDeletedNodes(registry::Store& store, nodeconnect::NodeConnections& connections);

}  // namespace wherry::apiserver
