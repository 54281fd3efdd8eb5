#pragma once

#include "lib/base/result.h"
#include "lib/linux/disk_usage.h"
#include "nodeagent/lifecycle/node_config.h"
#include "nodeagent/lifecycle/pod_facts.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::nodeagent::stats {

// Where one pod writes on the node, beside its containers' root file systems.
struct PodDiskPaths {
  std::string uid;
  std::map<std::string, std::string> empty_dirs;  // path by volume
  std::map<std::string, std::string> logs;        // path by container
};
// Pure.
PodDiskPaths DiskPathsOf(const lifecycle::Pod& pod, const lifecycle::NodeConfig& node);

struct PodDiskUsage {
  std::map<std::string, linux::DiskUsage> empty_dirs;  // by volume
  std::map<std::string, linux::DiskUsage> logs;        // by container
};
// What is not there is left out. Blocking, for as long as it takes to look at every file.
PodDiskUsage MeasureDisk(const PodDiskPaths& paths);

}  // namespace wherry::nodeagent::stats
