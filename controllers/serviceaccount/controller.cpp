#include "controllers/serviceaccount/controller.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::serviceaccount {
namespace {

constexpr int kWorkers = 8;

// Exists by now, or cannot in a namespace that ends: either way there is nothing to repeat.
bool Settled(const Error& error) {
  return error.reason == Reason::kAlreadyExists || error.reason == Reason::kNotFound ||
         HasCause(error, "NamespaceTerminating");
}

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      namespaces_(context.informers.For(api::KindOf<corev1::Namespace>())),
      accounts_(context.informers.For(api::KindOf<corev1::ServiceAccount>())),
      queue_(world_, "serviceaccount") {
  namespaces_.AddHandlers({
      .on_change = [this](const auto&,
                          const auto& object) { queue_.Add(api::MetaOf(*object).name()); },
      .on_delete = nullptr,
  });
  accounts_.AddHandlers({
      .on_change = nullptr,
      .on_delete =
          [this](const auto& object) {
            const auto& meta = api::MetaOf(*object);
            if (meta.name() == kDefaultServiceAccount) queue_.Add(meta.namespace_());
          },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&namespaces_, &accounts_},
             [this](std::string ns) { return Sync(std::move(ns)); });
}

Task<Status> Controller::Sync(std::string ns) {
  const auto living = namespaces_.Get(ns);
  if (!living || IsBeingDeleted(api::MetaOf(*living))) co_return Ok();
  if (accounts_.Get(client::KeyOf(ns, kDefaultServiceAccount))) co_return Ok();
  auto account = std::make_shared<corev1::ServiceAccount>();
  account->mutable_metadata()->set_name(kDefaultServiceAccount);
  account->mutable_metadata()->set_namespace_(ns);
  const client::MessagePtr object = account;
  auto created = co_await client_.Create(ns, object);
  if (!created.ok() && !Settled(created.error())) co_return std::move(created).error();
  co_return Ok();
}

}  // namespace wherry::controllers::serviceaccount
