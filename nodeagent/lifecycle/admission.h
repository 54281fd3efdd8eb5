#pragma once

#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/lifecycle/pod_status.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

struct NodeFacts {
  std::string node_name;
  std::map<std::string, std::string> labels;
  QuantityMap allocatable;  // "pods" included
  std::vector<std::string> allowed_unsafe_sysctls;
};

// Why the node refuses a pod that was bound to it, nullopt when it takes it: resources
// ("OutOfcpu"), node selector and affinity ("NodeAffinity"), host ports ("NodePorts"), sysctls
// ("SysctlForbidden"), another operating system ("PodOSNotSupported"), AppArmor profiles
// ("AppArmor"). `active` are the pods that are here already. Pure.
// Source: pkg/kubelet/lifecycle/predicate.go.
std::optional<PodVerdict> Admit(const Pod& pod, const std::vector<const Pod*>& active,
                                const NodeFacts& node);

}  // namespace wherry::nodeagent::lifecycle
