#pragma once

#include "nodeagent/lifecycle/pod_facts.h"

#include <string>

namespace wherry::nodeagent::lifecycle {

// The phase that follows from the container statuses in `status`. `terminal`: no container runs and
// none will be started, whatever the restart policy says. Source: kubelet getPhase.
std::string ComputePhase(const Pod& pod, const PodStatus& status, bool terminal);

// Sets (or appends) Initialized, Ready, ContainersReady and PodScheduled in `status` from its phase
// and container statuses; readiness gates look at the conditions of `pod` as well. Transition times
// are left alone. Source: kubelet status/generate.go.
void SetPodConditions(const Pod& pod, PodStatus* status);

}  // namespace wherry::nodeagent::lifecycle
