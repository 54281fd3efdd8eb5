#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::discovery {

std::unique_ptr<Strategy> MakeEndpointSliceStrategy();

}  // namespace wherry::apiserver::registry::discovery
