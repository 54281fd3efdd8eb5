#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::core {

// Puts the strategies of the core group's kinds into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::core
