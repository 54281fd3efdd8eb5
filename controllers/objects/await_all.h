#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <vector>

namespace wherry::controllers {

// Runs all tasks at once and gives their outcomes in order. Being cancelled cancels them.
Task<std::vector<Status>> AwaitAll(Loop& loop, std::vector<Task<Status>> tasks);

}  // namespace wherry::controllers
