#include "controllers/serviceaccount/tokens.h"

#include "controllers/objects/requests.h"
#include "controllers/objects/worker.h"
#include "controllers/serviceaccount/token_secret.h"
#include "lib/api/kind_registry.h"
#include "lib/api/legacy_token.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::serviceaccount {
namespace {

constexpr int kWorkers = 2;
constexpr char kByAccount[] = "service-account-token";  // "ns/name" of the account

std::string AnnotationOf(const corev1::Secret& secret, const char* name) {
  const auto& annotations = secret.metadata().annotations();
  const auto found = annotations.find(name);
  return found == annotations.end() ? "" : found->second;
}

std::vector<std::string> AccountKey(const google::protobuf::Message& object) {
  const auto& secret = static_cast<const corev1::Secret&>(object);
  if (!IsTokenSecret(secret)) return {};
  return {client::KeyOf(secret.metadata().namespace_(),
                        AnnotationOf(secret, api::kServiceAccountNameAnnotation))};
}

// Somebody else wrote or deleted it meanwhile, and its next event comes.
bool IsOvertaken(const Error& error) {
  return error.reason == Reason::kNotFound || error.reason == Reason::kConflict;
}

}  // namespace

Tokens::Tokens(Context context, Options options)
    : world_(context.world),
      client_(context.client),
      accounts_(context.informers.For(api::KindOf<corev1::ServiceAccount>())),
      secrets_(context.informers.For(api::KindOf<corev1::Secret>())),
      options_(std::move(options)),
      queue_(world_, "serviceaccount_tokens") {
  secrets_.AddIndex(kByAccount, AccountKey);
  secrets_.AddHandlers({
      .on_change =
          [this](const auto&, const auto& object) {
            if (IsTokenSecret(static_cast<const corev1::Secret&>(*object)))
              queue_.Add(client::KeyOf(*object));
          },
      .on_delete = nullptr,
  });
  const auto enqueue_secrets = [this](const client::MessagePtr& account) {
    for (const auto& secret : secrets_.ByIndex(kByAccount, client::KeyOf(*account)))
      queue_.Add(client::KeyOf(*secret));
  };
  accounts_.AddHandlers({
      .on_change = [enqueue_secrets](const auto&,
                                     const auto& account) { enqueue_secrets(account); },
      .on_delete = enqueue_secrets,
  });
}

void Tokens::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&accounts_, &secrets_},
             [this](std::string key) { return Sync(std::move(key)); });
}

Task<Result<std::shared_ptr<const corev1::ServiceAccount>>> Tokens::AccountOf(
    std::shared_ptr<const corev1::Secret> secret) {
  const std::string& ns = secret->metadata().namespace_();
  const std::string name = AnnotationOf(*secret, api::kServiceAccountNameAnnotation);
  const std::string uid = AnnotationOf(*secret, api::kServiceAccountUidAnnotation);
  auto is_meant = [&uid](const corev1::ServiceAccount& account) {
    return uid.empty() || account.metadata().uid() == uid;
  };
  auto cached = std::static_pointer_cast<const corev1::ServiceAccount>(
      accounts_.Get(client::KeyOf(ns, name)));
  if (cached && is_meant(*cached)) co_return cached;
  // The cache may lag: a Secret is deleted on the server's word only.
  auto live = co_await client_.Get(api::KindOf<corev1::ServiceAccount>(), ns, name);
  if (!live.ok() && live.error().reason != Reason::kNotFound) co_return std::move(live).error();
  if (!live.ok()) co_return nullptr;
  auto account = std::static_pointer_cast<const corev1::ServiceAccount>(*live);
  if (!is_meant(*account)) co_return nullptr;
  co_return account;
}

Task<Status> Tokens::Sync(std::string key) {
  const auto secret = std::static_pointer_cast<const corev1::Secret>(secrets_.Get(key));
  if (!secret || !IsTokenSecret(*secret)) co_return Ok();
  auto looking = AccountOf(secret);
  CO_TRY(const auto account, co_await std::move(looking));
  if (!account) {
    auto deleted = co_await DeleteObject(client_, secret);
    co_return !deleted.ok() && IsOvertaken(deleted.error()) ? Ok() : std::move(deleted);
  }
  CO_TRY(const client::MessagePtr filled,
         WithToken(*secret, *account, options_.key_pem, options_.root_ca_pem));
  if (!filled) co_return Ok();
  auto updated = co_await client_.Update(filled);
  if (!updated.ok() && !IsOvertaken(updated.error())) co_return std::move(updated).error();
  co_return Ok();
}

}  // namespace wherry::controllers::serviceaccount
