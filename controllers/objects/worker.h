#pragma once

#include "lib/client/informer.h"
#include "lib/client/workqueue.h"

#include <functional>
#include <string>
#include <vector>

// What every controller's loop does around its Sync.
namespace wherry::controllers {

// Puts the key of whatever changes or goes into `queue`.
client::Informer::Handlers EnqueueKeys(client::WorkQueue& queue);

// Calls `sync` for each key of `queue`, so many at a time, from when the informers have their first
// lists until `scope` ends. A key whose sync fails comes again, later each time.
void RunWorkers(TaskScope& scope, client::WorkQueue& queue, int workers,
                std::vector<client::Informer*> informers,
                std::function<Task<Status>(std::string key)> sync);

}  // namespace wherry::controllers
