#include "controllers/tokencleaner/controller.h"

#include "controllers/objects/worker.h"
#include "lib/api/bootstrap_token.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::controllers::tokencleaner {
namespace {

namespace corev1 = api::core::v1;

constexpr int kWorkers = 1;

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      secrets_(context.informers.For(api::KindOf<corev1::Secret>())),
      queue_(world_, "token_cleaner") {
  const auto on_change = [this](const auto&, const client::MessagePtr& object) {
    const auto& secret = static_cast<const corev1::Secret&>(*object);
    if (secret.type() == api::kBootstrapTokenType &&
        secret.metadata().namespace_() == api::kBootstrapTokenNamespace) {
      queue_.Add(client::KeyOf(secret));
    }
  };
  secrets_.AddHandlers({.on_change = on_change, .on_delete = nullptr});
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&secrets_},
             [this](std::string key) { return Sync(std::move(key)); });
}

Task<Status> Controller::Sync(std::string key) {
  const auto secret = std::static_pointer_cast<const corev1::Secret>(secrets_.Get(key));
  if (!secret) co_return Ok();
  const auto now = world_.clock.Now();
  if (!api::HasExpired(*secret, now)) {
    // The wall clock may be set meanwhile: the key comes again, and is judged again.
    const auto expiration = api::BootstrapExpiration(*secret);
    if (expiration.ok() && *expiration) queue_.AddAfter(key, **expiration - now);
    co_return Ok();
  }
  client::DeleteOptions options;
  options.uid = secret->metadata().uid();
  auto deleted =
      co_await client_.Delete(api::KindOf<corev1::Secret>(), secret->metadata().namespace_(),
                              secret->metadata().name(), std::move(options));
  const bool gone = !deleted.ok() && (deleted.error().reason == Reason::kNotFound ||
                                      deleted.error().reason == Reason::kConflict);
  co_return gone ? Ok() : std::move(deleted);
}

}  // namespace wherry::controllers::tokencleaner
