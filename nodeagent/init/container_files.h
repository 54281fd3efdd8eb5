#pragma once

#include "lib/linux/fd.h"
#include "nodeagent/init/frames.h"
#include "nodeagent/init/protocol.h"

#include <vector>

namespace wherry::nodeagent::init {

// The descriptors that came with StartContainer.
struct ContainerFiles {
  linux::Fd root;  // detached mount of the root file system
  linux::Fd log_directory;
  linux::Fd unified;  // the container's v2 cgroup, or none
  std::vector<linux::Fd> tasks;
  linux::Fd oom_events;  // or none
  std::vector<linux::Fd> mounts;
};

// Errors: kBadRequest when their number is not what the spec says.
Result<ContainerFiles> TakeContainerFiles(const ContainerSpec& spec, std::vector<linux::Fd> fds);

}  // namespace wherry::nodeagent::init
