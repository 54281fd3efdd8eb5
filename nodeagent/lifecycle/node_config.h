#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace wherry::nodeagent::lifecycle {

// What the workers of a node need to know about it. Fixed for the agent's life.
struct NodeConfig {
  std::string node_name;
  std::string node_ip;
  std::string pods_directory;  // <data dir>/pods: a folder per pod uid
  std::string logs_directory;  // a folder per pod: see LogDirectoryName
  std::string cluster_dns;     // "" when the cluster has none
  std::string cluster_domain = "cluster.local";
  std::map<std::string, int64_t> allocatable;  // cpu in thousandths, everything else in units
  int64_t memory_capacity_bytes = 0;           // of the machine
  std::string etc_directory = "/etc";          // the node's own hosts and resolv.conf
};

}  // namespace wherry::nodeagent::lifecycle
