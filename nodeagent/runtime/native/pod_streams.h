#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/native/exec_session.h"
#include "nodeagent/runtime/native/native_pod.h"
#include "nodeagent/runtime/runtime.h"

#include <cstdint>
#include <functional>
#include <memory>

// Streams into a pod that its supervisor hands out as descriptors. Loop thread; `pod` outlives the
// task.
namespace wherry::nodeagent::runtime::native {

// Starts a command with a terminal of the container's own. `kill` ends it.
Task<Result<std::unique_ptr<ExecSession>>> StartInTerminal(Loop& loop, NativePod& pod,
                                                           init::Exec exec,
                                                           std::function<void()> kill);

// Sorts what Attach gave, non-blocking.
Result<SessionEnds> AttachedEnds(NativePod::AttachedStreams& streams);

// A connection to 127.0.0.1, or else ::1, in the pod's network.
Task<Result<std::unique_ptr<PodConnection>>> ConnectToPod(Loop& loop, NativePod& pod,
                                                          uint16_t port);

}  // namespace wherry::nodeagent::runtime::native
