#pragma once

#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/probes/pod_probes.h"
#include "nodeagent/runtime/runtime.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

using probes::ProbeResultMap;
using probes::ProbeResults;

// The newest attempt of a container, null when it never ran in this sandbox's memory.
const runtime::ContainerStatus* LatestAttempt(const runtime::SandboxStatus& sandbox,
                                              std::string_view name);

struct ContainerToKill {
  std::string name;
  std::string message;           // of the Killing event; "" is the usual one
  bool failed_liveness = false;  // the probe's own grace period applies
  bool failed_startup = false;
};

// The next steps towards the pod's spec.
struct PodActions {
  bool kill_pod = false;        // nothing is left to run: all containers are to be stopped
  bool create_sandbox = false;  // what is left of an earlier one is stopped first
  std::vector<ContainerToKill> kills;
  std::optional<std::string> init_container;  // the one to start
  std::vector<std::string> containers;        // to start, in order
};

// `sandbox` is null before the first; `images` are the image references with which running
// containers (by id) were started, so that a changed spec.containers[*].image restarts them.
// Source: kuberuntime computePodActions.
PodActions ComputePodActions(const Pod& pod, const runtime::SandboxStatus* sandbox,
                             const ProbeResultMap& probes,
                             const std::map<std::string, std::string>& images);

// Whether a container that is not running is to be started (again).
bool ShouldContainerBeRestarted(const Pod& pod, const runtime::ContainerStatus* latest);

// Every container has exited and none will be started again; the pod's phase is then final.
bool IsPodComplete(const Pod& pod, const runtime::SandboxStatus& sandbox);

}  // namespace wherry::nodeagent::lifecycle
