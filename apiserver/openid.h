#pragma once

#include "apiserver/request/api_request.h"
#include "lib/base/result.h"
#include "lib/http/message.h"

#include <optional>
#include <string>

namespace wherry::apiserver {

// What others need to check service account tokens by themselves: the issuer's description
// (/.well-known/openid-configuration) and its public keys (/openid/v1/jwks). Source: upstream's
// pkg/serviceaccount/openidmetadata.go; OpenID Connect Discovery 1.0 section 3, RFC 7517.
class OpenIdDocuments {
 public:
  struct Options {
    std::string issuer;
    std::string signing_key_pem;
    std::string advertise_address;  // "10.0.0.1:6443", where the keys are found
  };
  // Errors: kBadRequest when the key signs no tokens.
  static Result<OpenIdDocuments> Make(const Options& options);

  // Null for other paths.
  std::optional<http::Response> Serve(const ApiRequest& request) const;

 private:
  std::string configuration_;
  std::string keys_;
};

}  // namespace wherry::apiserver
