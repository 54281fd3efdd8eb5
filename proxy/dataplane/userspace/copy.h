#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

namespace wherry::proxy::dataplane {

// Copies from one descriptor to a socket until the source ends, then passes the end on (half
// close). Both are non-blocking and outlive the task. However fast both ends are, others get their
// turn on the loop in between. Errors: a side broke.
Task<Result<Unit>> Copy(Loop& loop, int from, int to);

}  // namespace wherry::proxy::dataplane
