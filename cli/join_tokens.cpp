#include "cli/join_tokens.h"

#include "cli/keys/join_token.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"

#include <utility>

namespace wherry::cli {
namespace {

namespace core = api::core::v1;

constexpr char kServersDescription[] = "Made by the server at its start.";

bool GoodForHalfItsLife(const core::Secret& secret, WallTime now) {
  const auto expiration = api::BootstrapExpiration(secret);
  return api::BootstrapDescription(secret) == kServersDescription && api::Authenticates(secret) &&
         expiration.ok() && *expiration && **expiration - now > kJoinTokenLife / 2;
}

}  // namespace

Task<Result<api::BootstrapToken>> CreateJoinToken(World& world, client::ApiClient& client,
                                                  NewJoinToken wanted) {
  const api::BootstrapToken token = RandomBootstrapToken(world.random);
  api::BootstrapTokenOptions options;
  if (wanted.ttl.count() > 0) options.expiration = world.clock.Now() + wanted.ttl;
  options.description = std::move(wanted.description);
  std::shared_ptr<core::Secret> secret = api::MakeBootstrapSecret(token, options);
  CO_TRY_STATUS(
      co_await client.Create(std::string(api::kBootstrapTokenNamespace), std::move(secret)));
  co_return token;
}

Task<Result<std::vector<SecretPtr>>> ListJoinTokens(client::ApiClient& client) {
  client::ListOptions options;
  options.field_selector = "type=" + std::string(api::kBootstrapTokenType);
  CO_TRY(client::ObjectList list,
         co_await client.List(api::KindOf<core::Secret>(),
                              std::string(api::kBootstrapTokenNamespace), std::move(options)));
  std::vector<SecretPtr> tokens;
  for (const client::MessagePtr& item : list.items) {
    auto secret = std::static_pointer_cast<const core::Secret>(item);
    if (api::BootstrapTokenOf(*secret).ok()) tokens.push_back(std::move(secret));
  }
  co_return tokens;
}

Task<Result<api::BootstrapToken>> ServersJoinToken(World& world, client::ApiClient& client) {
  CO_TRY(const std::vector<SecretPtr> tokens, co_await ListJoinTokens(client));
  for (const SecretPtr& secret : tokens) {
    if (GoodForHalfItsLife(*secret, world.clock.Now())) co_return api::BootstrapTokenOf(*secret);
  }
  NewJoinToken wanted{.description = kServersDescription};
  auto creating = CreateJoinToken(world, client, std::move(wanted));
  co_return co_await std::move(creating);
}

Result<std::string> JoinCommand(const std::string& url, const std::string& ca_pem,
                                const api::BootstrapToken& token) {
  TRY(const std::string word, MakeJoinToken(ca_pem, token));
  return "wherry agent --server " + url + " --token " + word;
}

}  // namespace wherry::cli
