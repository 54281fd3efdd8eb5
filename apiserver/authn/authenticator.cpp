#include "apiserver/authn/authenticator.h"

#include "apiserver/authn/bootstrap_user.h"
#include "apiserver/authn/same_secret.h"
#include "apiserver/authn/service_account_tokens.h"
#include "lib/api/bootstrap_token.h"
#include "lib/base/ascii.h"
#include "lib/http/certificates.h"
#include "lib/loop/world.h"

#include <algorithm>

namespace wherry::apiserver::authn {

namespace {

constexpr std::string_view kAuthenticated = "system:authenticated";
constexpr size_t kCertificatesMax = 20'000;

Error Unauthorized() { return MakeError(Reason::kUnauthorized, "Unauthorized"); }

http::UserInfo WithAuthenticated(http::UserInfo user) {
  bool has = std::find(user.groups.begin(), user.groups.end(), kAuthenticated) != user.groups.end();
  if (!has) user.groups.emplace_back(kAuthenticated);
  return user;
}

// "Bearer xyz" -> "xyz"; "" when it is something else.
std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if (AsciiLower(authorization[i]) != kScheme[i]) return {};
  }
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace

Authenticator::Authenticator(Clock& clock, Options options,
                             const ServiceAccountTokens* service_accounts)
    : clock_(clock), options_(std::move(options)), service_accounts_(service_accounts) {}

Result<http::UserInfo> Authenticator::FromCertificate(const std::string& certificate_pem) {
  WallTime now = clock_.Now();
  auto known = certificates_.find(certificate_pem);
  if (known == certificates_.end()) {
    auto parsed = http::ParseCertificate(certificate_pem);
    if (!parsed.ok() || parsed->subject.common_name.empty()) return Unauthorized();
    if (certificates_.size() >= kCertificatesMax) certificates_.clear();
    http::UserInfo user;
    user.name = parsed->subject.common_name;
    user.groups = parsed->subject.organizations;
    Known fresh{WithAuthenticated(std::move(user)), parsed->not_after};
    known = certificates_.emplace(certificate_pem, std::move(fresh)).first;
  }
  if (known->second.not_after < now) return Unauthorized();
  return known->second.user;
}

Result<http::UserInfo> Authenticator::Authenticate(const http::Request& request) {
  // A caller in this process has named its user, not the group that all users are in.
  if (request.authenticated_user) return WithAuthenticated(*request.authenticated_user);
  bool has_certificate = !request.tls_client_certificate_pem.empty();
  if (has_certificate) {
    auto user = FromCertificate(request.tls_client_certificate_pem);
    if (user.ok()) return user;
  }
  std::string_view token = BearerToken(request.headers.Get("Authorization"));
  if (!token.empty()) {
    TRY(TokenUser found, AuthenticateToken(token, {}));
    return std::move(found.user);
  }
  bool tried = has_certificate || request.headers.Has("Authorization");
  if (!options_.anonymous || tried) return Unauthorized();
  http::UserInfo anonymous;
  anonymous.name = "system:anonymous";
  anonymous.groups = {"system:unauthenticated"};
  return anonymous;
}

// The user of a token that is for this server only, null when it is none of those.
std::optional<http::UserInfo> Authenticator::OwnTokenUser(std::string_view token) const {
  for (const auto& [known, user] : options_.tokens) {
    if (SameSecret(known, token)) return user;
  }
  const auto parts = api::ParseBootstrapToken(token);
  if (!parts.ok() || options_.bootstrap_secret == nullptr) return std::nullopt;
  const auto secret = options_.bootstrap_secret(parts->SecretName());
  if (secret == nullptr) return std::nullopt;
  auto user = BootstrapUser(*parts, *secret, clock_.Now());
  if (!user.ok()) return std::nullopt;
  return std::move(*user);
}

Result<TokenUser> Authenticator::AuthenticateToken(
    std::string_view token, const std::vector<std::string>& audiences) const {
  if (auto user = OwnTokenUser(token)) {
    TokenUser found{.user = WithAuthenticated(std::move(*user)), .audiences = {}};
    if (service_accounts_ != nullptr) {
      const std::string& own = service_accounts_->issuer();
      bool meant = audiences.empty() ||
                   std::find(audiences.begin(), audiences.end(), own) != audiences.end();
      if (!meant) return Unauthorized();
      found.audiences = {own};
    }
    return found;
  }
  if (service_accounts_ == nullptr) return Unauthorized();
  auto found = service_accounts_->Authenticate(token, audiences);
  if (!found.ok()) return Unauthorized();
  found->user = WithAuthenticated(std::move(found->user));
  return found;
}

}  // namespace wherry::apiserver::authn
