#include "controllers/serviceaccount/token_secret.h"

#include "lib/api/legacy_token.h"
#include "lib/http/jwt.h"
#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::controllers::serviceaccount {

namespace {

std::string DataOf(const corev1::Secret& secret, const char* key) {
  auto found = secret.data().find(key);
  return found == secret.data().end() ? "" : found->second;
}

}  // namespace

bool IsTokenSecret(const corev1::Secret& secret) {
  return secret.type() == api::kServiceAccountTokenType;
}

Result<std::shared_ptr<corev1::Secret>> WithToken(const corev1::Secret& secret,
                                                  const corev1::ServiceAccount& account,
                                                  const std::string& key_pem,
                                                  const std::string& root_ca_pem) {
  const bool needs_token = DataOf(secret, api::kServiceAccountTokenKey).empty();
  const bool needs_ns = DataOf(secret, api::kServiceAccountNamespaceKey).empty();
  const bool needs_ca =
      !root_ca_pem.empty() && DataOf(secret, api::kServiceAccountRootCaKey) != root_ca_pem;
  if (!needs_token && !needs_ns && !needs_ca) return std::shared_ptr<corev1::Secret>();
  auto filled = std::make_shared<corev1::Secret>(secret);
  const std::string& ns = secret.metadata().namespace_();
  auto& data = *filled->mutable_data();
  if (needs_ca) data[api::kServiceAccountRootCaKey] = root_ca_pem;
  if (needs_ns) data[api::kServiceAccountNamespaceKey] = ns;
  if (needs_token) {
    const api::LegacyTokenClaims claims{.ns = ns,
                                        .service_account = account.metadata().name(),
                                        .service_account_uid = account.metadata().uid(),
                                        .secret = secret.metadata().name()};
    TRY(data[api::kServiceAccountTokenKey],
        http::SignJwt(key_pem, json::Dump(api::LegacyClaimsDocument(claims))));
  }
  auto& annotations = *filled->mutable_metadata()->mutable_annotations();
  annotations[api::kServiceAccountNameAnnotation] = account.metadata().name();
  annotations[api::kServiceAccountUidAnnotation] = account.metadata().uid();
  return filled;
}

}  // namespace wherry::controllers::serviceaccount
