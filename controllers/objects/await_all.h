#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <string_view>
#include <vector>

namespace wherry::controllers {

// Runs all tasks at once and gives their outcomes in order. Being cancelled cancels them.
Task<std::vector<Status>> AwaitAll(Loop& loop, std::vector<Task<Status>> tasks);

// Says nothing about whether the server did what it was asked: no answer came.
bool IsAmbiguous(const Error& error);
// The error's status carries a cause of that reason ("NamespaceTerminating").
bool HasCause(const Error& error, std::string_view reason);

}  // namespace wherry::controllers
