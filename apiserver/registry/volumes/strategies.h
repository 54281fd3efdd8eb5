#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

// One file each, the CSI kinds together.
namespace wherry::apiserver::registry::volumes {

std::unique_ptr<Strategy> MakePersistentVolumeStrategy();
std::unique_ptr<Strategy> MakePersistentVolumeClaimStrategy();
std::unique_ptr<Strategy> MakeStorageClassStrategy();
std::unique_ptr<Strategy> MakeCSIDriverStrategy();
std::unique_ptr<Strategy> MakeCSINodeStrategy();
std::unique_ptr<Strategy> MakeCSIStorageCapacityStrategy();

}  // namespace wherry::apiserver::registry::volumes
