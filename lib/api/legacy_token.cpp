#include "lib/api/legacy_token.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace wherry::api {

namespace {

constexpr std::array<std::pair<const char*, std::string LegacyTokenClaims::*>, 4> kClaims = {{
    {"kubernetes.io/serviceaccount/namespace", &LegacyTokenClaims::ns},
    {"kubernetes.io/serviceaccount/service-account.name", &LegacyTokenClaims::service_account},
    {"kubernetes.io/serviceaccount/service-account.uid", &LegacyTokenClaims::service_account_uid},
    {"kubernetes.io/serviceaccount/secret.name", &LegacyTokenClaims::secret},
}};

std::string TextAt(const json::Value& document, const char* member) {
  auto found = document.find(member);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

json::Value LegacyClaimsDocument(const LegacyTokenClaims& claims) {
  json::Value document = {{"iss", kLegacyTokenIssuer}, {"sub", claims.UserName()}};
  for (const auto& [name, member] : kClaims) document[name] = claims.*member;
  return document;
}

Result<LegacyTokenClaims> ReadLegacyClaims(const json::Value& document) {
  auto refused = [](const char* why) {
    return MakeError(Reason::kUnauthorized, std::string("service account token: ") + why);
  };
  LegacyTokenClaims claims;
  if (!document.is_object()) return refused("no claims");
  if (TextAt(document, "iss") != kLegacyTokenIssuer) return refused("other issuer");
  for (const auto& [name, member] : kClaims) {
    claims.*member = TextAt(document, name);
    if ((claims.*member).empty()) return refused("a claim is missing");
  }
  if (TextAt(document, "sub") != claims.UserName()) return refused("sub claim is invalid");
  return claims;
}

}  // namespace wherry::api
