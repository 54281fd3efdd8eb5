#pragma once

#include "lib/base/result.h"
#include "nodeagent/lifecycle/pod_facts.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// Whether the pod may set the sysctls it asks for: those that are known to concern only itself, and
// those that the administrator allowed ("net.core.*" for all with that beginning). Pure.
// Errors: kForbidden. Source: kubelet sysctl/allowlist.go, safe_sysctls.go.
Status CheckSysctls(const Pod& pod, const std::vector<std::string>& allowed_unsafe);

}  // namespace wherry::nodeagent::lifecycle
