#include "apiserver/authn/service_account_tokens.h"

#include "lib/api/legacy_token.h"
#include "lib/json/json.h"
#include "lib/loop/world.h"
#include "lib/telemetry/metrics.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::apiserver::authn {

namespace {

constexpr std::string_view kPrivateClaims = "kubernetes.io";
constexpr size_t kVerifiedMax = 10'000;

int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Error Unauthorized(std::string_view why) {
  return MakeError(Reason::kUnauthorized, "service account token: " + std::string(why));
}

// claims[a][b] as text, "" when it is not there.
std::string TextAt(const json::Value& claims, const char* object, const char* member) {
  auto outer = claims.find(object);
  if (outer == claims.end() || !outer->is_object()) return "";
  auto inner = outer->find(member);
  return inner != outer->end() && inner->is_string() ? inner->get<std::string>() : "";
}

int64_t NumberAt(const json::Value& claims, const char* member) {
  auto found = claims.find(member);
  return found != claims.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::vector<std::string> AudiencesOf(const json::Value& claims) {
  std::vector<std::string> audiences;
  auto said = claims.find("aud");
  if (said == claims.end()) return audiences;
  if (said->is_string()) audiences.push_back(said->get<std::string>());
  if (!said->is_array()) return audiences;
  for (const json::Value& each : *said) {
    if (each.is_string()) audiences.push_back(each.get<std::string>());
  }
  return audiences;
}

std::vector<std::string> Common(const std::vector<std::string>& claimed,
                                const std::vector<std::string>& wanted) {
  std::vector<std::string> common;
  for (const std::string& audience : wanted) {
    if (std::find(claimed.begin(), claimed.end(), audience) != claimed.end()) {
      common.push_back(audience);
    }
  }
  return common;
}

void CountLookup(bool hit) {
  telemetry::DefaultRegistry()
      .CounterAt("authentication_token_cache_request_total",
                 "Service account tokens looked up among those whose signature is known to hold.",
                 {{"status", hit ? "hit" : "miss"}})
      .Increment();
}

}  // namespace

ServiceAccountTokens::ServiceAccountTokens(Clock& clock, Options options)
    : clock_(clock),
      options_(std::move(options)),
      verifier_(http::JwtVerifier::Make(options_.private_key_pem)) {}

Result<ServiceAccountTokens::Issued> ServiceAccountTokens::Issue(
    const TokenSubject& subject, std::vector<std::string> audiences,
    std::chrono::seconds valid_for) const {
  if (audiences.empty()) audiences.push_back(options_.issuer);
  WallTime now = clock_.Now();
  Issued issued;
  issued.expires = now + valid_for;
  json::Value bound = {{"namespace", subject.ns},
                       {"serviceaccount",
                        {{"name", subject.service_account}, {"uid", subject.service_account_uid}}}};
  if (!subject.pod.empty()) bound["pod"] = {{"name", subject.pod}, {"uid", subject.pod_uid}};
  json::Value claims = {
      {"iss", options_.issuer},
      {"aud", audiences},
      {"iat", UnixSeconds(now)},
      {"nbf", UnixSeconds(now)},
      {"exp", UnixSeconds(issued.expires)},
      {"sub", "system:serviceaccount:" + subject.ns + ":" + subject.service_account}};
  claims[std::string(kPrivateClaims)] = std::move(bound);
  TRY(issued.token, http::SignJwt(options_.private_key_pem, json::Dump(claims)));
  return issued;
}

Result<ServiceAccountTokens::Claims> ServiceAccountTokens::Verify(std::string_view token) const {
  if (!verifier_.ok()) return Unauthorized("no key");
  TRY(std::string text, verifier_->Verify(token));
  auto claims = json::Parse(text);
  if (!claims.ok() || !claims->is_object()) return Unauthorized("no claims");
  const json::Value issuer = claims->value("iss", json::Value());
  Claims found;
  if (issuer == api::kLegacyTokenIssuer) {
    TRY(api::LegacyTokenClaims legacy, api::ReadLegacyClaims(*claims));
    found.legacy = std::make_shared<const api::LegacyTokenClaims>(std::move(legacy));
    return found;
  }
  if (issuer != options_.issuer) return Unauthorized("other issuer");
  auto bound = claims->find(std::string(kPrivateClaims));
  if (bound == claims->end() || !bound->is_object()) return Unauthorized("no subject");
  found.audiences = AudiencesOf(*claims);
  found.expires = NumberAt(*claims, "exp");
  found.not_before = NumberAt(*claims, "nbf");
  TokenSubject& subject = found.subject;
  auto ns = bound->find("namespace");
  if (ns != bound->end() && ns->is_string()) subject.ns = ns->get<std::string>();
  subject.service_account = TextAt(*bound, "serviceaccount", "name");
  subject.service_account_uid = TextAt(*bound, "serviceaccount", "uid");
  subject.pod = TextAt(*bound, "pod", "name");
  subject.pod_uid = TextAt(*bound, "pod", "uid");
  return found;
}

Result<TokenUser> ServiceAccountTokens::Authenticate(
    std::string_view token, const std::vector<std::string>& audiences) const {
  const std::string hash = http::Sha256Hex(token);
  auto known = verified_.find(hash);
  CountLookup(known != verified_.end());
  if (known == verified_.end()) {
    TRY(Claims fresh, Verify(token));
    if (verified_.size() >= kVerifiedMax) verified_.clear();
    known = verified_.emplace(hash, std::move(fresh)).first;
  }
  if (known->second.legacy) return AuthenticateLegacy(*known->second.legacy, token, audiences);
  int64_t now = UnixSeconds(clock_.Now());
  if (known->second.expires <= now) {
    verified_.erase(known);
    return Unauthorized("expired");
  }
  const Claims& claims = known->second;
  if (claims.not_before > now) return Unauthorized("not valid yet");
  TokenUser found;
  found.audiences = Common(
      claims.audiences, audiences.empty() ? std::vector<std::string>{options_.issuer} : audiences);
  if (found.audiences.empty()) return Unauthorized("other audience");
  const TokenSubject& subject = claims.subject;
  if (options_.still_valid && !options_.still_valid(subject)) return Unauthorized("revoked");
  http::UserInfo& user = found.user;
  user.name = "system:serviceaccount:" + subject.ns + ":" + subject.service_account;
  user.uid = subject.service_account_uid;
  user.groups = {"system:serviceaccounts", "system:serviceaccounts:" + subject.ns};
  if (!subject.pod.empty()) {
    user.extra["authentication.kubernetes.io/pod-name"] = {subject.pod};
    user.extra["authentication.kubernetes.io/pod-uid"] = {subject.pod_uid};
  }
  return found;
}

// Such a token names no audience: it is for this server.
Result<TokenUser> ServiceAccountTokens::AuthenticateLegacy(
    const api::LegacyTokenClaims& claims, std::string_view token,
    const std::vector<std::string>& audiences) const {
  if (!audiences.empty() &&
      std::find(audiences.begin(), audiences.end(), options_.issuer) == audiences.end()) {
    return Unauthorized("other audience");
  }
  if (!options_.legacy_still_valid || !options_.legacy_still_valid(claims, token)) {
    return Unauthorized("revoked");
  }
  TokenUser found;
  found.audiences = {options_.issuer};
  found.user.name = claims.UserName();
  found.user.uid = claims.service_account_uid;
  found.user.groups = {"system:serviceaccounts", "system:serviceaccounts:" + claims.ns};
  return found;
}

}  // namespace wherry::apiserver::authn
