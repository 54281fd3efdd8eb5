#pragma once

#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "scheduler/framework/node_info.h"

#include <string>

namespace wherry::scheduler {

// Tells the API server that the pod runs on that node. The client outlives the task.
// Errors: kConflict when it has a node already, kNotFound when it is gone.
Task<Status> BindPod(client::ApiClient& client, framework::PodInfoPtr pod, std::string node_name);

}  // namespace wherry::scheduler
