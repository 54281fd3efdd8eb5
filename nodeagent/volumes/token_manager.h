#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

namespace wherry::api::core::v1 {
class Pod;
class ServiceAccountTokenProjection;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::volumes {

// Service account tokens for projected volumes, bound to their pod, asked for with TokenRequest and
// renewed when 80 % of their life or a day has passed. Loop thread. Source: pkg/kubelet/token.
class TokenManager {
 public:
  TokenManager(World& world, client::ApiClient& client) : world_(world), client_(client) {}

  // Fetches what the pod's volumes need and what is due. Errors: the server's, when a token is
  // missing; one that is still valid outlives a failed renewal.
  Task<Status> Fetch(std::shared_ptr<const api::core::v1::Pod> pod);
  // Errors: kNotFound before Fetch.
  Result<std::string> Find(const api::core::v1::Pod& pod,
                           const api::core::v1::ServiceAccountTokenProjection& source) const;
  // When the next of the pod's tokens is due; nullopt when it has none.
  std::optional<WallTime> RenewalDue(const std::string& pod_uid) const;
  void RemovePod(const std::string& uid);

 private:
  using Key = std::tuple<std::string, std::string, int64_t>;  // pod uid, audience, seconds
  struct Token {
    std::string text;
    WallTime expires;
    WallTime renew_at;
  };
  Task<Result<Token>> Ask(std::shared_ptr<const api::core::v1::Pod> pod, std::string audience,
                          int64_t seconds);

  World& world_;
  client::ApiClient& client_;
  std::map<Key, Token> tokens_;
};

}  // namespace wherry::nodeagent::volumes
