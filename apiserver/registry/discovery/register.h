#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::discovery {

// Puts the strategies of the group discovery.k8s.io into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::discovery
