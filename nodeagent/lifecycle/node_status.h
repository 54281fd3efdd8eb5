#pragma once

#include "lib/loop/loop.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/lifecycle/machine_info.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wherry::api::core::v1 {
class Node;
class NodeStatus;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::lifecycle {

// What the node is short of. Source: kubelet eviction's default hard thresholds.
struct Pressure {
  bool memory = false;
  bool disk = false;
  bool pid = false;
  bool operator==(const Pressure&) const = default;
};
// The node is short of memory when less than this is available.
inline constexpr int64_t kMemoryKeptBytes = 100LL * 1024 * 1024;
Pressure ComputePressure(const MachineInfo& machine, const MachineUsage& usage);

struct NodeStatusInput {
  std::string node_name;
  std::string node_ip;
  int32_t kubelet_port = 10250;
  MachineInfo machine;
  std::map<std::string, std::string> capacity;  // overrides, as quantities: {"cpu", "4"}
  std::vector<images::Image> images;
  Pressure pressure;
  std::string not_ready;        // why pods cannot run here; "" when they can
  std::string version;          // "v1.28.0+wherry-0.1.0"
  std::string runtime_version;  // "wherry://0.1.0"
  WallTime now;
};

// cpu in thousandths, everything else in units.
std::map<std::string, int64_t> Capacity(const NodeStatusInput& input);
// Capacity less what eviction keeps free.
std::map<std::string, int64_t> Allocatable(const NodeStatusInput& input);

// The node's status; transition times follow `previous`. Pure.
api::core::v1::NodeStatus MakeNodeStatus(const NodeStatusInput& input,
                                         const api::core::v1::NodeStatus& previous);
// Differences that are worth telling at once: everything but heartbeats.
bool WorthTelling(const api::core::v1::NodeStatus& left, const api::core::v1::NodeStatus& right);

// kubernetes.io/hostname, os, arch, their beta twins, and the operator's own on top.
std::map<std::string, std::string> NodeLabels(const NodeStatusInput& input,
                                              const std::map<std::string, std::string>& extra);

}  // namespace wherry::nodeagent::lifecycle
