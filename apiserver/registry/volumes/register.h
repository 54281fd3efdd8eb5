#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::volumes {

// Puts the strategies of persistent volumes, their claims and the group storage.k8s.io into the
// table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::volumes
