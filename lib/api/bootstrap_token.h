#pragma once

#include "lib/api/time.h"
#include "lib/base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::api::core::v1 {
class Secret;
}

// Bootstrap tokens, with which machines that have no certificate yet ask for one: Secrets in
// kube-system named bootstrap-token-<id>. Pure functions.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/.
namespace wherry::api {

inline constexpr std::string_view kBootstrapTokenType = "bootstrap.kubernetes.io/token";
inline constexpr std::string_view kBootstrapTokenNamespace = "kube-system";
inline constexpr std::string_view kBootstrappersGroup = "system:bootstrappers";
// The one that kubeadm gives to its tokens.
inline constexpr std::string_view kJoiningNodesGroup =
    "system:bootstrappers:kubeadm:default-node-token";

struct BootstrapToken {
  std::string id;      // six characters of a-z0-9, no secret
  std::string secret;  // sixteen
  std::string Text() const { return id + "." + secret; }
  std::string SecretName() const { return "bootstrap-token-" + id; }
};
// Of "abcdef.0123456789abcdef". Errors: kBadRequest.
Result<BootstrapToken> ParseBootstrapToken(std::string_view text);

struct BootstrapTokenOptions {
  std::optional<WallClock> expiration;  // none: it is good until it is deleted
  std::string description;
};
// The Secret of a token that authenticates joining nodes.
std::unique_ptr<core::v1::Secret> MakeBootstrapSecret(const BootstrapToken& token,
                                                      const BootstrapTokenOptions& options);

// The token in a Secret of the right type, name and contents. Errors: kBadRequest.
Result<BootstrapToken> BootstrapTokenOf(const core::v1::Secret& secret);
// When it ends, null for never. Errors: kBadRequest for what is no time; it counts as expired.
Result<std::optional<WallClock>> BootstrapExpiration(const core::v1::Secret& secret);
bool HasExpired(const core::v1::Secret& secret, WallClock now);
// Whether it may be used as a bearer token.
bool Authenticates(const core::v1::Secret& secret);
std::string BootstrapDescription(const core::v1::Secret& secret);
// system:bootstrappers and the extra groups. Errors: kBadRequest for a group that is not below
// system:bootstrappers.
Result<std::vector<std::string>> BootstrapGroups(const core::v1::Secret& secret);

}  // namespace wherry::api
