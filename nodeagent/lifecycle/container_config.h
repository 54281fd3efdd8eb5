#pragma once

#include "lib/base/result.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/lifecycle/environment.h"
#include "nodeagent/lifecycle/node_config.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/runtime/runtime.h"
#include "nodeagent/volumes/pod_volumes.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// A container's runtime configuration, and what must be made on disk before it is valid.
struct ContainerPlan {
  runtime::ContainerConfig config;
  std::vector<std::string> directories;  // to make
  // A file that the container gets mounted. Its inode stays: other containers have it too.
  struct File {
    std::string path;
    std::string content;
    mode_t mode = 0644;
    bool renew = false;  // gets this content if it has another one; else only if it is missing
  };
  std::vector<File> files;
};

struct ContainerPlanInput {
  const Pod& pod;
  const Container& container;
  int32_t attempt = 0;
  const images::Image& image;
  const std::vector<std::pair<std::string, std::string>>& environment;
  const volumes::PodVolumes& volumes;
  const NodeConfig& node;
  const std::vector<std::string>& pod_ips;
};
// Errors: kInvalid with the message of CreateContainerConfigError. Pure.
Result<ContainerPlan> PlanContainer(const ContainerPlanInput& input);

// Makes the directories and files and resolves the subPaths of `plan`. Blocking.
Result<runtime::ContainerConfig> CarryOut(ContainerPlan plan);

// Where a container's attempt logs, and where its termination message is on the node.
std::string LogPath(const NodeConfig& node, const Pod& pod, const std::string& container,
                    int32_t attempt);
std::string TerminationLogPath(const NodeConfig& node, const Pod& pod, const std::string& container,
                               int32_t attempt);
std::string PodDirectory(const NodeConfig& node, const std::string& uid);

// The pod's sandbox as the runtime is asked for it.
runtime::SandboxConfig PlanSandbox(const Pod& pod, const NodeConfig& node);

}  // namespace wherry::nodeagent::lifecycle
