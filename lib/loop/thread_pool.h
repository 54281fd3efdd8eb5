#pragma once

#include "lib/loop/blocking.h"

#include <functional>
#include <memory>

namespace wherry {

// `threads` helper threads. Its end waits for the jobs that run and drops those that have not
// begun: their callers are gone.
std::unique_ptr<Blocking> MakeThreadPool(int threads);

// Runs `job` on a thread of its own, which nobody waits for, not even the end of the process: for a
// call that may take very long and touches nothing but what it owns. False when there is no thread
// to be had.
bool RunDetached(std::function<void()> job);

}  // namespace wherry
