#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// A pod's priority and preemption policy, from the PriorityClass that it names or the default one;
// without any it has priority 0. At most one class is the default.
// Source: plugin/pkg/admission/priority.
std::unique_ptr<registry::Admitter> MakePriority();

}  // namespace wherry::apiserver::admission
