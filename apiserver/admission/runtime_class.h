#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// Refuses pods of a RuntimeClass: the kind is not served, so none exists, and a pod that asks for a
// sandbox does not run without one. Source: plugin/pkg/admission/runtimeclass.
std::unique_ptr<registry::Admitter> MakeRuntimeClass();

}  // namespace wherry::apiserver::admission
