#pragma once

namespace wherry::apiserver::registry {
class KindTable;
}

namespace wherry::apiserver::registry::apps {

// Puts the strategies of the group apps into the table.
void Register(KindTable& table);

}  // namespace wherry::apiserver::registry::apps
