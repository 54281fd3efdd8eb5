#pragma once

#include "lib/base/result.h"
#include "lib/json/json.h"

#include <string>

// Service account tokens without an end, which live in Secrets of this type and as long as those.
// Source: upstream pkg/serviceaccount/legacy.go.
namespace wherry::api {

inline constexpr char kServiceAccountTokenType[] = "kubernetes.io/service-account-token";
// Annotations of such a Secret.
inline constexpr char kServiceAccountNameAnnotation[] = "kubernetes.io/service-account.name";
inline constexpr char kServiceAccountUidAnnotation[] = "kubernetes.io/service-account.uid";
// Keys of its data.
inline constexpr char kServiceAccountTokenKey[] = "token";
inline constexpr char kServiceAccountRootCaKey[] = "ca.crt";
inline constexpr char kServiceAccountNamespaceKey[] = "namespace";

inline constexpr char kLegacyTokenIssuer[] = "kubernetes/serviceaccount";

// What such a token says.
struct LegacyTokenClaims {
  std::string ns;
  std::string service_account;
  std::string service_account_uid;
  std::string secret;

  std::string UserName() const { return "system:serviceaccount:" + ns + ":" + service_account; }
};

// The JWT's claims.
json::Value LegacyClaimsDocument(const LegacyTokenClaims& claims);
// Errors: kUnauthorized when one is missing or the subject is not the account.
Result<LegacyTokenClaims> ReadLegacyClaims(const json::Value& document);

}  // namespace wherry::api
