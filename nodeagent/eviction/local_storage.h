#pragma once

#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/stats/collector.h"

#include <optional>
#include <string>

// What a pod may write on the node's disk. Pure.
// Source: pkg/kubelet/eviction localStorageEviction.
namespace wherry::nodeagent::eviction {

// It has an emptyDir's sizeLimit or a container's limit of ephemeral-storage: its disk usage is to
// be measured.
bool HasStorageLimits(const lifecycle::Pod& pod);

// Why the pod is to be evicted, nullopt when it keeps its limits or was not measured.
std::optional<std::string> ExceededStorageLimit(const stats::PodSample& sample);

}  // namespace wherry::nodeagent::eviction
