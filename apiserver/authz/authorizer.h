#pragma once

#include "apiserver/request/request_info.h"
#include "lib/base/result.h"
#include "lib/http/message.h"

namespace wherry::apiserver::authz {

// Whether a user may do what a request asks. Fixed rules for the cluster's own components until
// roles are objects: system:masters everything, each component what its upstream twin's ClusterRole
// holds in broad strokes, every authenticated user the discovery and health paths.
// Errors: kForbidden with upstream's message.
Status Authorize(const http::UserInfo& user, const RequestInfo& request);

}  // namespace wherry::apiserver::authz
