#pragma once

#include "lib/loop/world.h"

#include <string>

namespace wherry::nodeagent::runtime::native {

// 64 hex digits, as container ids are.
std::string NewContainerId(Random& random);

}  // namespace wherry::nodeagent::runtime::native
