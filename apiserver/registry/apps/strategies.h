#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::apps {

std::unique_ptr<Strategy> MakeDeploymentStrategy();
std::unique_ptr<Strategy> MakeReplicaSetStrategy();
std::unique_ptr<Strategy> MakeStatefulSetStrategy();
std::unique_ptr<Strategy> MakeControllerRevisionStrategy();

}  // namespace wherry::apiserver::registry::apps
