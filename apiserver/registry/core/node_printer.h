#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry {

// The table of `kubectl get nodes`.
const TablePrinter& NodePrinter();

}  // namespace wherry::apiserver::registry
