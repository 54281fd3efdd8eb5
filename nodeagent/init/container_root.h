#pragma once

#include "lib/base/result.h"
#include "nodeagent/init/container_files.h"
#include "nodeagent/init/protocol.h"

namespace wherry::nodeagent::init {

// Directories of the supervisor's own, otherwise empty, root (see launcher.cpp).
inline constexpr const char* kNewRoot = "/root";  // where a container's root is put together
inline constexpr const char* kPodShm = "/shm";    // the pod's shared memory file system

// Makes the container's file system tree and enters it.
//
// Called in the container's first process. Must already be true: it has a mount namespace of its
// own that is a copy of the supervisor's, a PID and a cgroup namespace, and all capabilities.
// Afterwards "/" is the container's root, nothing else is reachable, and cwd is "/".
Status EnterContainerRoot(const ContainerSpec& spec, const ContainerFiles& files);

}  // namespace wherry::nodeagent::init
