#pragma once

#include "lib/api/bootstrap_token.h"
#include "lib/base/result.h"
#include "lib/client/api_client.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

// Join tokens as the cluster keeps them: see lib/api/bootstrap_token.h. The client is the
// administrator's and outlives the call. Loop thread. Errors: those of the API.
namespace wherry::cli {

inline constexpr std::chrono::hours kJoinTokenLife{24};

struct NewJoinToken {
  std::chrono::seconds ttl = kJoinTokenLife;  // 0: it is good until it is deleted
  std::string description;
};
Task<Result<api::BootstrapToken>> CreateJoinToken(World& world, client::ApiClient& client,
                                                  NewJoinToken wanted);

// All bootstrap tokens, expired ones included until they are cleaned up.
using SecretPtr = std::shared_ptr<const api::core::v1::Secret>;
Task<Result<std::vector<SecretPtr>>> ListJoinTokens(client::ApiClient& client);

// The token that a server shows at its start: that of an earlier start while half of its life is
// left, else a new one.
Task<Result<api::BootstrapToken>> ServersJoinToken(World& world, client::ApiClient& client);

// "wherry agent --server URL --token …".
Result<std::string> JoinCommand(const std::string& url, const std::string& ca_pem,
                                const api::BootstrapToken& token);

}  // namespace wherry::cli
