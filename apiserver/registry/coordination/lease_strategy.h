#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::coordination {

std::unique_ptr<Strategy> MakeLeaseStrategy();

}  // namespace wherry::apiserver::registry::coordination
