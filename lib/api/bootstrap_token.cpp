#include "lib/api/bootstrap_token.h"

#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::api {
namespace {

constexpr size_t kIdLength = 6;
constexpr size_t kSecretLength = 16;
constexpr size_t kGroupLengthMax = 256;  // of what follows the prefix

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsGroup(std::string_view group) {
  const std::string prefix = std::string(kBootstrappersGroup) + ":";
  if (!group.starts_with(prefix)) return false;
  group.remove_prefix(prefix.size());
  return !group.empty() && group.size() <= kGroupLengthMax && IsLowerOrDigit(group.back()) &&
         std::all_of(group.begin(), group.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == ':' || c == '-'; });
}

std::string Value(const core::v1::Secret& secret, const char* key) {
  const auto found = secret.data().find(key);
  return found == secret.data().end() ? "" : found->second;
}

}  // namespace

Result<BootstrapToken> ParseBootstrapToken(std::string_view text) {
  const bool fits = text.size() == kIdLength + 1 + kSecretLength && text[kIdLength] == '.' &&
                    std::all_of(text.begin(), text.begin() + kIdLength, IsLowerOrDigit) &&
                    std::all_of(text.begin() + kIdLength + 1, text.end(), IsLowerOrDigit);
  if (!fits) {
    return MakeError(Reason::kBadRequest, "a bootstrap token is <6>.<16> characters of a-z0-9");
  }
  return BootstrapToken{.id = std::string(text.substr(0, kIdLength)),
                        .secret = std::string(text.substr(kIdLength + 1))};
}

std::unique_ptr<core::v1::Secret> MakeBootstrapSecret(const BootstrapToken& token,
                                                      const BootstrapTokenOptions& options) {
  auto secret = std::make_unique<core::v1::Secret>();
  secret->mutable_metadata()->set_name(token.SecretName());
  secret->mutable_metadata()->set_namespace_(std::string(kBootstrapTokenNamespace));
  secret->set_type(std::string(kBootstrapTokenType));
  auto& data = *secret->mutable_data();
  data["token-id"] = token.id;
  data["token-secret"] = token.secret;
  data["usage-bootstrap-authentication"] = "true";
  data["auth-extra-groups"] = std::string(kJoiningNodesGroup);
  if (options.expiration) data["expiration"] = FormatTime(*options.expiration);
  if (!options.description.empty()) data["description"] = options.description;
  return secret;
}

Result<BootstrapToken> BootstrapTokenOf(const core::v1::Secret& secret) {
  TRY(BootstrapToken token,
      ParseBootstrapToken(Value(secret, "token-id") + "." + Value(secret, "token-secret")));
  if (secret.type() != kBootstrapTokenType || secret.metadata().name() != token.SecretName()) {
    return MakeError(Reason::kBadRequest, "the Secret's type or name is not a bootstrap token's");
  }
  return token;
}

Result<std::optional<WallClock>> BootstrapExpiration(const core::v1::Secret& secret) {
  const std::string text = Value(secret, "expiration");
  if (text.empty()) return std::optional<WallClock>();
  TRY(UnixTime time, ParseTime(text));
  return std::optional<WallClock>(
      WallClock(std::chrono::seconds(time.seconds)) +
      std::chrono::duration_cast<WallClock::duration>(std::chrono::nanoseconds(time.nanos)));
}

bool HasExpired(const core::v1::Secret& secret, WallClock now) {
  const auto expiration = BootstrapExpiration(secret);
  return !expiration.ok() || (expiration->has_value() && **expiration <= now);
}

bool Authenticates(const core::v1::Secret& secret) {
  return Value(secret, "usage-bootstrap-authentication") == "true";
}

std::string BootstrapDescription(const core::v1::Secret& secret) {
  return Value(secret, "description");
}

Result<std::vector<std::string>> BootstrapGroups(const core::v1::Secret& secret) {
  std::vector<std::string> groups = {std::string(kBootstrappersGroup)};
  const std::string all = Value(secret, "auth-extra-groups");
  for (size_t at = 0; at < all.size();) {
    const size_t comma = std::min(all.find(',', at), all.size());
    std::string group = all.substr(at, comma - at);
    if (!IsGroup(group)) {
      return MakeError(Reason::kBadRequest, "'" + group + "' is no group of bootstrap tokens");
    }
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
    at = comma + 1;
  }
  if (all.ends_with(',')) {
    return MakeError(Reason::kBadRequest, "'' is no group of bootstrap tokens");
  }
  return groups;
}

}  // namespace wherry::api
