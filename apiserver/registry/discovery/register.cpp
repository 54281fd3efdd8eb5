#include "apiserver/registry/discovery/register.h"

#include "apiserver/registry/discovery/endpoint_slice_strategy.h"

namespace wherry::apiserver::registry::discovery {

void Register(KindTable& table) { table.Add(MakeEndpointSliceStrategy()); }

}  // namespace wherry::apiserver::registry::discovery
