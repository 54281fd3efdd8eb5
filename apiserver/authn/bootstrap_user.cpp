#include "apiserver/authn/bootstrap_user.h"

#include "apiserver/authn/same_secret.h"
#include "lib/api/bootstrap_token.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::apiserver::authn {

Result<http::UserInfo> BootstrapUser(const api::BootstrapToken& token,
                                     const api::core::v1::Secret& secret,
                                     std::chrono::system_clock::time_point now) {
  const auto refused = [](const char* why) { return MakeError(Reason::kUnauthorized, why); };
  const auto stored = api::BootstrapTokenOf(secret);
  if (!stored.ok() || stored->id != token.id) return refused("no bootstrap token of that id");
  if (!SameSecret(stored->secret, token.secret)) return refused("another secret");
  if (secret.metadata().has_deletiontimestamp()) return refused("the token is being deleted");
  if (api::HasExpired(secret, now)) return refused("the token has expired");
  if (!api::Authenticates(secret)) return refused("the token is not for authentication");
  auto groups = api::BootstrapGroups(secret);
  if (!groups.ok()) return refused("the token's groups are not allowed");
  http::UserInfo user;
  user.name = "system:bootstrap:" + token.id;
  user.groups = std::move(*groups);
  return user;
}

}  // namespace wherry::apiserver::authn
