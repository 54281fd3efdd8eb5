#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver {

// The strategies of every API group, put into one table.
void RegisterAllGroups(registry::KindTable& table);

}  // namespace wherry::apiserver
