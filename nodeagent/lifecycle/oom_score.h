#pragma once

#include "nodeagent/lifecycle/pod_facts.h"

#include <cstdint>

namespace wherry::nodeagent::lifecycle {

// Whom the kernel kills first when the node is out of memory: the value for oom_score_adj of the
// container's processes, from -997 (guaranteed and node-critical pods) over 3 to 999 (burstable, by
// the share of the node's memory that is asked for) to 1000 (best effort). Pure.
// Source: pkg/kubelet/qos/policy.go.
int32_t OomScoreAdj(const Pod& pod, const Container& container, int64_t memory_capacity_bytes);

}  // namespace wherry::nodeagent::lifecycle
