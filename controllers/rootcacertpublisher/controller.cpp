#include "controllers/rootcacertpublisher/controller.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "controllers/objects/worker.h"
#include "controllers/rootcacertpublisher/bundle.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::rootcacertpublisher {
namespace {

constexpr int kWorkers = 8;

// Exists by now (its watch event shows whether it is right), or cannot in a namespace that ends.
bool Settled(const Error& error) {
  return error.reason == Reason::kAlreadyExists || error.reason == Reason::kNotFound ||
         HasCause(error, "NamespaceTerminating");
}

}  // namespace

Controller::Controller(Context context, std::string root_ca_pem)
    : world_(context.world),
      client_(context.client),
      namespaces_(context.informers.For(api::KindOf<corev1::Namespace>())),
      config_maps_(context.informers.For(api::KindOf<corev1::ConfigMap>())),
      root_ca_pem_(std::move(root_ca_pem)),
      queue_(world_, "root_ca_cert_publisher") {
  namespaces_.AddHandlers({
      .on_change = [this](const auto&,
                          const auto& object) { queue_.Add(api::MetaOf(*object).name()); },
      .on_delete = nullptr,
  });
  const auto on_config_map = [this](const client::MessagePtr& object) {
    const auto& meta = api::MetaOf(*object);
    if (meta.name() == kConfigMapName) queue_.Add(meta.namespace_());
  };
  config_maps_.AddHandlers({
      .on_change = [on_config_map](const auto&, const auto& object) { on_config_map(object); },
      .on_delete = on_config_map,
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&namespaces_, &config_maps_},
             [this](std::string ns) { return Sync(std::move(ns)); });
}

Task<Status> Controller::Sync(std::string ns) {
  const auto living = namespaces_.Get(ns);
  if (!living || IsBeingDeleted(api::MetaOf(*living))) co_return Ok();
  const auto current = std::static_pointer_cast<const corev1::ConfigMap>(
      config_maps_.Get(client::KeyOf(ns, kConfigMapName)));
  const client::MessagePtr wanted = WithRootCa(ns, current.get(), root_ca_pem_);
  if (!wanted) co_return Ok();
  if (current) {
    CO_TRY_STATUS(co_await client_.Update(wanted));
    co_return Ok();
  }
  auto created = co_await client_.Create(ns, wanted);
  if (!created.ok() && !Settled(created.error())) co_return std::move(created).error();
  co_return Ok();
}

}  // namespace wherry::controllers::rootcacertpublisher
