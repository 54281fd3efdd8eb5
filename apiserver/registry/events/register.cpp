#include "apiserver/registry/events/register.h"

#include "apiserver/registry/events/event_strategy.h"

namespace wherry::apiserver::registry::events {

void Register(KindTable& table) { table.Add(MakeEventStrategy()); }

}  // namespace wherry::apiserver::registry::events
