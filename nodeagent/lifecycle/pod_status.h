#pragma once

#include "nodeagent/lifecycle/pod_actions.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/runtime/runtime.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// Why a container is not started at the moment: its waiting state.
struct StartFailure {
  std::string reason;  // "CrashLoopBackOff", "ErrImagePull", ...
  std::string message;
};

// The node decided the pod's end: eviction, refused admission, activeDeadlineSeconds.
struct PodVerdict {
  std::string reason;  // "OutOfcpu", "DeadlineExceeded", "Evicted"
  std::string message;
};

struct PodStatusInput {
  const Pod& pod;
  // What this agent generated last, or pod.status after a start of the agent.
  const PodStatus& previous;
  const runtime::SandboxStatus* sandbox = nullptr;
  std::map<std::string, StartFailure> start_failures = {};  // by container
  ProbeResultMap probes = {};                               // by container id
  std::map<std::string, std::string> images = {};           // image references by container id
  std::string host_ip = "";
  std::optional<PodVerdict> verdict = {};
  // No container runs and none will be started; missing ends are filled in.
  bool finished = false;
  WallTime now = {};
};

// The whole status as it should read in the API; conditions of other owners are left out (they stay
// as they are). Source: kubelet generateAPIPodStatus, status/generate.go and status_manager.
PodStatus GeneratePodStatus(const PodStatusInput& input);

// Equal to an API client: same bytes once serialised in a fixed order.
bool SameStatus(const PodStatus& left, const PodStatus& right);

}  // namespace wherry::nodeagent::lifecycle
