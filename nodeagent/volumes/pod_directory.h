#pragma once

#include "lib/base/result.h"
#include "nodeagent/volumes/mount_calls.h"

#include <string>

namespace wherry::nodeagent::volumes {

// Unmounts a pod's volumes and removes its directory; one that is not there is fine. Blocking.
Status RemovePodDirectory(const std::string& directory, MountCalls& mounts);
// The same for every pod below `pods_directory`.
Status RemovePodDirectories(const std::string& pods_directory, MountCalls& mounts);

}  // namespace wherry::nodeagent::volumes
