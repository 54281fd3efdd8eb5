#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/world.h"

#include <string_view>
#include <vector>

namespace wherry::api {
struct KindInfo;
}

namespace wherry::controllers {

// The kinds that this binary knows and the server serves with list, watch and delete: what the
// garbage collector watches and namespace deletion empties. A group the server does not have is
// left out; of a resource that several groups show (events), the first counts.
Task<Result<std::vector<const api::KindInfo*>>> ServedKinds(client::ApiClient& client);
// The same, asked again with growing pauses until the server answers.
Task<std::vector<const api::KindInfo*>> AwaitServedKinds(World& world, client::ApiClient& client);

// The known kinds in one group version's discovery document.
// Errors: kBadRequest when it is no JSON.
Result<std::vector<const api::KindInfo*>> ParseResourceList(std::string_view document);

}  // namespace wherry::controllers
