#pragma once

#include "lib/base/result.h"
#include "lib/http/tls.h"
#include "lib/http/tls_context.h"

#include <string>

namespace wherry::http {

// What one TLS connection to `host` (an IP address) needs. Errors: kBadRequest when PEM does not
// load.
Result<TlsContext> MakeClientContext(const TlsClientConfig& config, const std::string& host);

}  // namespace wherry::http
