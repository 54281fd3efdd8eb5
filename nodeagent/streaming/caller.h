#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"

namespace wherry::nodeagent::streaming {

// Whether the caller may use the node's API: one in this process, or one whose client certificate
// the server has verified, and of the group system:masters, as the API server's own client is. The
// cluster's CA also signs certificates of nodes and proxies, and these may not exec.
//
// Errors: kUnauthorized for a caller without a name, kForbidden for any other.
Status AuthorizeCaller(const http::Request& request);

}  // namespace wherry::nodeagent::streaming
