#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

// The core group's strategies, one file each (pod_strategy.cpp, service_strategy.cpp, ...).
namespace wherry::apiserver::registry::core {

std::unique_ptr<Strategy> MakePodStrategy();
std::unique_ptr<Strategy> MakeServiceStrategy();
std::unique_ptr<Strategy> MakeNamespaceStrategy();
std::unique_ptr<Strategy> MakeNodeStrategy();

}  // namespace wherry::apiserver::registry::core
