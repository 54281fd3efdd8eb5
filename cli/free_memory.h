#pragma once

#include "lib/loop/task.h"

namespace wherry {
struct World;
}

namespace wherry::cli {

// Gives memory that the allocator holds back to the kernel: after a burst the free pieces lie
// between pieces in use, and free(3) alone returns none of them. Looks every five seconds at how
// much the process has resident, and trims when that has grown and no longer grows. Runs until it
// is destroyed.
Task<void> GiveMemoryBack(World& world);

}  // namespace wherry::cli
