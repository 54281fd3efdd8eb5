#pragma once

#include "apiserver/request/api_request.h"
#include "lib/http/message.h"

#include <optional>

namespace wherry::apiserver {

// /healthz, /livez and /readyz, with ?verbose and single checks (/readyz/ping); null for other
// paths. `ready`: the cache is filled and the bootstrap objects are written. `storage_well`: writes
// can succeed; without that the process is neither ready nor alive, since only a restart helps.
// Source: k8s.io/apiserver pkg/server/healthz.
std::optional<http::Response> Health(const ApiRequest& request, bool ready, bool storage_well);

}  // namespace wherry::apiserver
