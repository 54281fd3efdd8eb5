#include "apiserver/registry/volumes/register.h"

#include "apiserver/registry/volumes/strategies.h"

namespace wherry::apiserver::registry::volumes {

void Register(KindTable& table) {
  table.Add(MakePersistentVolumeStrategy());
  table.Add(MakePersistentVolumeClaimStrategy());
  table.Add(MakeStorageClassStrategy());
  table.Add(MakeCSIDriverStrategy());
  table.Add(MakeCSINodeStrategy());
  table.Add(MakeCSIStorageCapacityStrategy());
}

}  // namespace wherry::apiserver::registry::volumes
