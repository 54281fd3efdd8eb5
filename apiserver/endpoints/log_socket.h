#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"

namespace wherry::apiserver::endpoints {

// A log as the client asked for it: as it is, or over a WebSocket with the protocol binary.k8s.io
// or base64.binary.k8s.io (none: binary), in messages of at most 32 KiB. What the client says there
// is not listened to. Errors: kBadRequest for a WebSocket that is not spoken here.
// Source: apimachinery pkg/util/httpstream/wsstream (Reader).
Result<http::Response> LogReply(Loop& loop, const http::Request& request, http::Response log);

}  // namespace wherry::apiserver::endpoints
