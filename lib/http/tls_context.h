#pragma once

#include "lib/base/result.h"
#include "lib/http/tls.h"

#include <memory>

struct ssl_ctx_st;

namespace wherry::http {

struct TlsContextDeleter {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsContextDeleter>;

// What all connections of one listener share. Errors: kBadRequest when PEM does not load.
Result<TlsContext> MakeServerContext(const TlsServerConfig& config);

}  // namespace wherry::http
