#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace wherry {
class Clock;
}
namespace wherry::api::core::v1 {
class Secret;
}

namespace wherry::apiserver::authn {

class ServiceAccountTokens;
struct TokenUser;

// Who a request comes from: an in-process caller, a client certificate (CN is the name, O the
// groups), or a bearer token (fixed ones, bootstrap tokens, service accounts). Loop thread.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/.
class Authenticator {
 public:
  struct Options {
    std::map<std::string, http::UserInfo> tokens;  // bearer token -> user
    // The Secret of that name in kube-system, null when there is none: bootstrap tokens.
    std::function<std::shared_ptr<const api::core::v1::Secret>(const std::string& name)>
        bootstrap_secret;
    bool anonymous = false;  // requests without credentials are system:anonymous
  };
  // `service_accounts` may be null; both outlive this.
  Authenticator(Clock& clock, Options options, const ServiceAccountTokens* service_accounts);

  // The user, with system:authenticated among the groups.
  // Errors: kUnauthorized for no credentials or credentials that do not hold.
  // A certificate that does not hold leaves the decision to the token.
  Result<http::UserInfo> Authenticate(const http::Request& request);
  // The same for a bearer token alone, towards `audiences` (empty: this server). Tokens that are
  // not of a service account are for this server only. Errors: kUnauthorized.
  Result<TokenUser> AuthenticateToken(std::string_view token,
                                      const std::vector<std::string>& audiences) const;

 private:
  Result<http::UserInfo> FromCertificate(const std::string& certificate_pem);
  std::optional<http::UserInfo> OwnTokenUser(std::string_view token) const;

  Clock& clock_;
  Options options_;
  const ServiceAccountTokens* service_accounts_;
  // Parsing a certificate costs 30 us and a connection sends the same one with each request.
  struct Known {
    http::UserInfo user;
    std::chrono::system_clock::time_point not_after;
  };
  std::unordered_map<std::string, Known> certificates_;
};

}  // namespace wherry::apiserver::authn
