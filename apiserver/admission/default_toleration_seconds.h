#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// Pods stay for five minutes on a node that is not ready or not reachable, unless they say
// otherwise. Source: plugin/pkg/admission/defaulttolerationseconds.
std::unique_ptr<registry::Admitter> MakeDefaultTolerationSeconds();

}  // namespace wherry::apiserver::admission
