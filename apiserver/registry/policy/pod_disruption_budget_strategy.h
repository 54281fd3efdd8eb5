#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::policy {

std::unique_ptr<Strategy> MakePodDisruptionBudgetStrategy();

}  // namespace wherry::apiserver::registry::policy
