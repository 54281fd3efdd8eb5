#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::events {

std::unique_ptr<Strategy> MakeEventStrategy();

}  // namespace wherry::apiserver::registry::events
