#pragma once

#include <optional>
#include <string>

namespace wherry::api::core::v1 {
class NodeStatus;
}

namespace wherry::nodeagent::lifecycle {

// "example.com/gpu": no resource of Kubernetes' own.
bool IsExtendedResource(const std::string& resource);

// Extended resources are put into a node's capacity by others; the agent gives
// pods all of it. The merge patch of the node's status that makes what is allocatable equal to the
// capacity, nothing when it is. Pure. Source: kubelet/nodestatus/setters.go (MachineInfo).
std::optional<std::string> ExtendedResourcesPatch(const api::core::v1::NodeStatus& status);

}  // namespace wherry::nodeagent::lifecycle
