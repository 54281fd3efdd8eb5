#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

// The core group's strategies, one file each (pod_strategy.cpp, service_strategy.cpp, ...).
namespace wherry::apiserver::registry::core {

std::unique_ptr<Strategy> MakePodStrategy();
std::unique_ptr<Strategy> MakeServiceStrategy();
std::unique_ptr<Strategy> MakeNamespaceStrategy();
std::unique_ptr<Strategy> MakeNodeStrategy();
std::unique_ptr<Strategy> MakeConfigMapStrategy();
std::unique_ptr<Strategy> MakeSecretStrategy();
std::unique_ptr<Strategy> MakeServiceAccountStrategy();
std::unique_ptr<Strategy> MakeEndpointsStrategy();
std::unique_ptr<Strategy> MakeEventStrategy();
const TablePrinter& EventPrinter();  // of core/v1 Events
std::unique_ptr<Strategy> MakePodTemplateStrategy();
std::unique_ptr<Strategy> MakeReplicationControllerStrategy();

}  // namespace wherry::apiserver::registry::core
