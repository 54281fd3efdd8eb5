#pragma once

#include "lib/base/result.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/runtime/runtime.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// The container's securityContext over the pod's over the image's user.
// Errors: kInvalid when runAsNonRoot cannot be kept. Source: kuberuntime/security_context.go.
Result<runtime::SecurityContext> PlanSecurity(const Pod& pod, const Container& container,
                                              const images::ImageConfig& image);

// The directories cpu*/thermal_throttle below `cpus`, which default containers do not see.
std::vector<std::string> ThermalThrottlesBelow(const std::string& cpus);

}  // namespace wherry::nodeagent::lifecycle
