#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::certificates {

// Puts the strategies of the group certificates.k8s.io into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::certificates
