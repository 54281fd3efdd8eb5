#pragma once

#include "lib/base/result.h"
#include "lib/http/jwt.h"
#include "lib/http/message.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wherry {
class Clock;
}
namespace wherry::api {
struct LegacyTokenClaims;
}

namespace wherry::apiserver::authn {

// What a service account token says.
struct TokenSubject {
  std::string ns;
  std::string service_account;
  std::string service_account_uid;
  std::string pod;  // bound to a pod when not empty
  std::string pod_uid;
};

// Whom a token stands for, and towards whom.
struct TokenUser {
  http::UserInfo user;
  std::vector<std::string> audiences;
};

// Makes and checks service account tokens: JWTs signed with the cluster's key (RSA or ECDSA, see
// http::SignJwt). Loop thread.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/.
class ServiceAccountTokens {
 public:
  struct Options {
    std::string issuer = "https://kubernetes.default.svc.cluster.local";
    std::string private_key_pem;
    // Whether the account (and, for a bound token, the pod) still is the one the token names.
    std::function<bool(const TokenSubject&)> still_valid;
    // Whether the Secret of a token without end still holds it, and its account still lives. Null:
    // there are no such tokens.
    std::function<bool(const api::LegacyTokenClaims&, std::string_view token)> legacy_still_valid;
  };
  ServiceAccountTokens(Clock& clock, Options options);

  struct Issued {
    std::string token;
    std::chrono::system_clock::time_point expires;
  };
  // `audiences` empty: the issuer itself.
  Result<Issued> Issue(const TokenSubject& subject, std::vector<std::string> audiences,
                       std::chrono::seconds valid_for) const;
  // system:serviceaccount:NS:NAME with its groups, and those of `audiences` that the token is for
  // (empty: the issuer itself). Errors: kUnauthorized, also when it is for none of them.
  Result<TokenUser> Authenticate(std::string_view token,
                                 const std::vector<std::string>& audiences) const;

  const std::string& issuer() const { return options_.issuer; }
  const std::string& private_key_pem() const { return options_.private_key_pem; }

 private:
  // What a token that our key signed says.
  struct Claims {
    std::vector<std::string> audiences;
    int64_t expires = 0;  // Unix seconds
    int64_t not_before = 0;
    TokenSubject subject;
    // Of a token without end, in place of all the others; else null.
    std::shared_ptr<const api::LegacyTokenClaims> legacy;
  };
  // Reads the claims of a token whose signature holds. Errors: kUnauthorized.
  Result<Claims> Verify(std::string_view token) const;
  Result<TokenUser> AuthenticateLegacy(const api::LegacyTokenClaims& claims, std::string_view token,
                                       const std::vector<std::string>& audiences) const;

  Clock& clock_;
  Options options_;
  Result<http::JwtVerifier> verifier_;
  // By the token's SHA-256: a signature costs 100 us, and a client sends the same token with each
  // request. Time, audience and subject are looked at each time.
  mutable std::unordered_map<std::string, Claims> verified_;
};

}  // namespace wherry::apiserver::authn
