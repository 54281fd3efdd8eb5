#include "controllers/serviceaccount/controller.h"

#include "controllers/objects/await_all.h"
#include "controllers/objects/pod_state.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::serviceaccount {
namespace {

constexpr int kWorkers = 8;

template <typename T>
std::shared_ptr<const T> As(const client::MessagePtr& message) {
  return std::static_pointer_cast<const T>(message);
}

// Exists by now, or cannot in a namespace that ends: either way there is nothing to repeat.
bool Settled(const Error& error) {
  return error.reason == Reason::kAlreadyExists || error.reason == Reason::kNotFound ||
         HasCause(error, "NamespaceTerminating");
}

}  // namespace

Controller::Controller(Context context, std::string root_ca_pem)
    : world_(context.world),
      client_(context.client),
      namespaces_(context.informers.For(api::KindOf<corev1::Namespace>())),
      accounts_(context.informers.For(api::KindOf<corev1::ServiceAccount>())),
      config_maps_(context.informers.For(api::KindOf<corev1::ConfigMap>())),
      root_ca_pem_(std::move(root_ca_pem)),
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
  const auto on_config_map = [this](const client::MessagePtr& object) {
    const auto& meta = api::MetaOf(*object);
    if (meta.name() == kRootCaConfigMap) queue_.Add(meta.namespace_());
  };
  config_maps_.AddHandlers({
      .on_change = [on_config_map](const auto&, const auto& object) { on_config_map(object); },
      .on_delete = on_config_map,
  });
}

void Controller::Start(TaskScope& scope) { scope.Spawn("serviceaccount controller", Run(scope)); }

Task<void> Controller::Run(TaskScope& scope) {
  co_await WaitForSync({&namespaces_, &accounts_, &config_maps_});
  queue_.Run(scope, kWorkers, [this](std::string ns) { return Sync(std::move(ns)); });
}

Task<Status> Controller::Sync(std::string ns) {
  const auto object = namespaces_.Get(ns);
  if (!object || IsBeingDeleted(api::MetaOf(*object))) co_return Ok();
  CO_TRY_STATUS(co_await EnsureServiceAccount(ns));
  if (root_ca_pem_.empty()) co_return Ok();
  co_return co_await EnsureRootCa(ns);
}

Task<Status> Controller::EnsureServiceAccount(std::string ns) {
  if (accounts_.Get(client::KeyOf(ns, kDefaultServiceAccount))) co_return Ok();
  auto account = std::make_shared<corev1::ServiceAccount>();
  account->mutable_metadata()->set_name(kDefaultServiceAccount);
  account->mutable_metadata()->set_namespace_(ns);
  const client::MessagePtr object = account;
  auto created = co_await client_.Create(ns, object);
  if (!created.ok() && !Settled(created.error())) co_return std::move(created).error();
  co_return Ok();
}

Task<Status> Controller::EnsureRootCa(std::string ns) {
  const auto current = As<corev1::ConfigMap>(config_maps_.Get(client::KeyOf(ns, kRootCaConfigMap)));
  if (current && current->data().size() == 1) {
    const auto it = current->data().find(kRootCaKey);
    if (it != current->data().end() && it->second == root_ca_pem_) co_return Ok();
  }
  auto wanted = current ? std::make_shared<corev1::ConfigMap>(*current)
                        : std::make_shared<corev1::ConfigMap>();
  wanted->mutable_metadata()->set_name(kRootCaConfigMap);
  wanted->mutable_metadata()->set_namespace_(ns);
  wanted->mutable_data()->clear();
  (*wanted->mutable_data())[kRootCaKey] = root_ca_pem_;
  const client::MessagePtr object = wanted;
  if (!current) {
    auto created = co_await client_.Create(ns, object);
    if (!created.ok() && !Settled(created.error())) co_return std::move(created).error();
    co_return Ok();
  }
  auto updated = co_await client_.Update(object);
  if (!updated.ok() && updated.error().reason != Reason::kNotFound)
    co_return std::move(updated).error();
  co_return Ok();
}

}  // namespace wherry::controllers::serviceaccount
