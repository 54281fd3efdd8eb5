#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry::scheduling {

std::unique_ptr<Strategy> MakePriorityClassStrategy();

}  // namespace wherry::apiserver::registry::scheduling
