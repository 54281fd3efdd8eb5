#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// A pod's priority and preemption policy, from its priorityClassName: none is priority 0, and the
// two system classes are known. Source: plugin/pkg/admission/priority.
std::unique_ptr<registry::Admitter> MakePriority();

}  // namespace wherry::apiserver::admission
