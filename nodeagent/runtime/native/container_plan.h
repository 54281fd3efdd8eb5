#pragma once

#include "lib/base/result.h"
#include "lib/linux/cgroup.h"
#include "lib/linux/fd.h"
#include "nodeagent/images/image_store.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/native/pod_directory.h"
#include "nodeagent/runtime/runtime.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// Everything a supervisor needs to start a container: the message and its descriptors, in the order
// that StartContainer says.
struct ContainerPlan {
  init::ContainerSpec spec;
  std::vector<linux::Fd> fds;
};

// What a plan is made from. Borrowed for the call.
struct ContainerPlanInput {
  const ContainerConfig& config;
  const SandboxConfig& sandbox;
  const images::StoredImage& image;
  linux::Cgroup& cgroup;  // the container's, just made
  const linux::CgroupHierarchy& hierarchy;
  linux::Fd& root;  // the root file system, mounted nowhere; taken
  const std::string& id;
};

// Assembles the mounts as detached trees, and decides the process'
// arguments, environment and privileges. Blocking; any thread. Errors: kInvalid when the
// configuration can never run.
Result<ContainerPlan> PlanContainer(const ContainerPlanInput& input);

// "SIGTERM", "TERM" or "15" as a number; SIGTERM for "" and anything unknown.
int ParseSignal(const std::string& name);

}  // namespace wherry::nodeagent::runtime::native
