#include "nodeagent/volumes/token_manager.h"

#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/telemetry/log.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::nodeagent::volumes {

namespace core = api::core::v1;

namespace {

const telemetry::Logger log("kubelet");

constexpr int64_t kDefaultSeconds = 3600;
constexpr std::chrono::hours kAgeMax{24};
constexpr std::chrono::minutes kRetry{1};

int64_t SecondsOf(const core::ServiceAccountTokenProjection& source) {
  return source.has_expirationseconds() ? source.expirationseconds() : kDefaultSeconds;
}

}  // namespace

Task<Result<TokenManager::Token>> TokenManager::Ask(std::shared_ptr<const core::Pod> pod,
                                                    std::string audience, int64_t seconds) {
  using api::authentication::v1::TokenRequest;
  auto request = std::make_shared<TokenRequest>();
  if (!audience.empty()) request->mutable_spec()->add_audiences(audience);
  request->mutable_spec()->set_expirationseconds(seconds);
  auto* bound = request->mutable_spec()->mutable_boundobjectref();
  bound->set_apiversion("v1");
  bound->set_kind("Pod");
  bound->set_name(pod->metadata().name());
  bound->set_uid(pod->metadata().uid());
  const std::string account =
      pod->spec().serviceaccountname().empty() ? "default" : pod->spec().serviceaccountname();
  auto asking = client_.PostSubresource(api::KindOf<core::ServiceAccount>(),
                                        pod->metadata().namespace_(), account, "token", request);
  auto answer = co_await std::move(asking);
  if (!answer.ok()) co_return std::move(answer).error().Wrap("failed to fetch token");
  const auto& status = static_cast<const TokenRequest&>(**answer).status();
  const WallTime now = world_.clock.Now();
  Token token{.text = status.token(), .expires = api::ToWallClock(status.expirationtimestamp())};
  const auto life = std::chrono::duration_cast<WallTime::duration>((token.expires - now) * 8 / 10);
  token.renew_at = now + std::min<WallTime::duration>(life, kAgeMax);
  co_return token;
}

Task<Status> TokenManager::Fetch(std::shared_ptr<const core::Pod> pod) {
  const std::string uid = pod->metadata().uid();
  std::set<Key> wanted;
  for (const auto& volume : pod->spec().volumes())
    for (const auto& part : volume.volumesource().projected().sources())
      if (part.has_serviceaccounttoken())
        wanted.emplace(uid, part.serviceaccounttoken().audience(),
                       SecondsOf(part.serviceaccounttoken()));
  for (const Key& key : wanted) {
    auto known = tokens_.find(key);
    const WallTime now = world_.clock.Now();
    if (known != tokens_.end() && now < known->second.renew_at) continue;
    auto asking = Ask(pod, std::get<1>(key), std::get<2>(key));
    auto token = co_await std::move(asking);
    if (token.ok()) {
      tokens_[key] = std::move(*token);
      continue;
    }
    known = tokens_.find(key);
    if (known == tokens_.end() || now >= known->second.expires) co_return std::move(token).error();
    log.Warn("service account token not renewed, will be retried",
             {{"pod", pod->metadata().name()}, {"error", token.error().message}});
    known->second.renew_at = now + kRetry;
  }
  co_return Ok();
}

Result<std::string> TokenManager::Find(const core::Pod& pod,
                                       const core::ServiceAccountTokenProjection& source) const {
  auto found = tokens_.find(Key(pod.metadata().uid(), source.audience(), SecondsOf(source)));
  if (found == tokens_.end())
    return MakeError(Reason::kNotFound, "the service account token has not been fetched");
  return found->second.text;
}

std::optional<WallTime> TokenManager::RenewalDue(const std::string& pod_uid) const {
  std::optional<WallTime> due;
  for (auto it = tokens_.lower_bound(Key(pod_uid, "", 0));
       it != tokens_.end() && std::get<0>(it->first) == pod_uid; ++it)
    if (!due || it->second.renew_at < *due) due = it->second.renew_at;
  return due;
}

void TokenManager::RemovePod(const std::string& uid) {
  std::erase_if(tokens_, [&](const auto& entry) { return std::get<0>(entry.first) == uid; });
}

}  // namespace wherry::nodeagent::volumes
