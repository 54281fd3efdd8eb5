#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::scheduling {

// Puts the strategies of the group scheduling.k8s.io into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::scheduling
