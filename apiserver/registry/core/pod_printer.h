#pragma once

#include "apiserver/registry/strategy.h"

namespace wherry::apiserver::registry {

// The table of `kubectl get pods`.
const TablePrinter& PodPrinter();

}  // namespace wherry::apiserver::registry
