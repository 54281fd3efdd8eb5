#pragma once

#include "apiserver/registry/store.h"
#include "lib/loop/task.h"

#include <chrono>

namespace wherry::apiserver {

// Removes Events that nobody has written for `ttl` (upstream: --event-ttl, one hour), looking once
// a minute; runs until it is destroyed.
//
// It remembers which revision was the newest at which minute, so nothing is parsed: an event whose
// last write is not newer than the revision of an hour ago has expired. Those that were there
// before this process are read once, and go by the times that they bear.
Task<void> ExpireEvents(registry::Store& store, std::chrono::seconds ttl);

}  // namespace wherry::apiserver
