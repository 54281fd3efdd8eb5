#pragma once

#include "lib/http/message.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/streaming/port_forward.h"

#include <string>

namespace wherry::nodeagent::streaming {

// Forwards ports over SPDY/3.1 frames on `stream`, which outlives the task, until the client hangs
// up or breaks the protocol. At most 256 connections at a time; a further one is reset.
Task<void> ForwardOverSpdy(World& world, http::ByteStream& stream, std::string pod,
                           ConnectToPort connect);

}  // namespace wherry::nodeagent::streaming
