#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "nodeagent/init/protocol.h"

namespace wherry::nodeagent::init {

// A container's /dev as a detached file system: the usual devices and links, and `spec.devices`.
// Source: OCI runtime-spec config-linux.md "Default Devices" and "Dev symbolic links".
Result<linux::Fd> MakeContainerDev(const ContainerSpec& spec);

// Mounts pts, mqueue and the pod's shm below `dev`, which must be placed in the tree by now.
Status PopulateDevMounts(int dev, bool console);

}  // namespace wherry::nodeagent::init
