#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::policy {

// Puts the strategies of the group policy into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::policy
