#include "controllers/endpoints/controller.h"

#include "controllers/objects/requests.h"
#include "controllers/objects/service_pods.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::controllers::endpoints {
namespace {

constexpr int kWorkers = 16;
// Locks of old leader elections live in Endpoints without a service.
constexpr char kLeaderElection[] = "control-plane.alpha.kubernetes.io/leader";

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      services_(context.informers.For(api::KindOf<corev1::Service>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      endpoints_(context.informers.For(api::KindOf<corev1::Endpoints>())),
      queue_(world_, "endpoint"),
      recorder_(world_, client_, "endpoint-controller") {
  services_.AddHandlers(EnqueueKeys(queue_));
  pods_.AddHandlers({
      .on_change = [this](const auto& before, const auto& pod) { OnPod(before, pod); },
      .on_delete = [this](const auto& pod) { OnPod(nullptr, pod); },
  });
  endpoints_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& object) {
            // Those without a service are their author's.
            std::string key = client::KeyOf(*object);
            if (before && services_.Get(key)) queue_.Add(std::move(key));
          },
      .on_delete = [this](const auto& object) { queue_.Add(client::KeyOf(*object)); },
  });
}

void Controller::Start(TaskScope& scope) { scope.Spawn("endpoints controller", Run(scope)); }

Task<void> Controller::Run(TaskScope& scope) {
  co_await WaitForSync({&services_, &pods_, &endpoints_});
  // Services may have gone while nobody watched.
  for (const auto& message : endpoints_.List()) {
    if (!api::MetaOf(*message).annotations().contains(kLeaderElection))
      queue_.Add(client::KeyOf(*message));
  }
  queue_.Run(scope, kWorkers, [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::OnPod(const client::MessagePtr& before, const client::MessagePtr& pod) {
  for (auto& key : ServicesToldOf(services_, As<corev1::Pod>(before), *As<corev1::Pod>(pod)))
    queue_.Add(std::move(key));
}

Task<Status> Controller::Sync(std::string key) {
  const auto& kind = api::KindOf<corev1::Endpoints>();
  const auto service = As<corev1::Service>(services_.Get(key));
  if (!service) {
    const auto [ns, name] = SplitKey(key);
    auto deleted = co_await client_.Delete(kind, ns, name, {});
    if (!deleted.ok() && deleted.error().reason != Reason::kNotFound)
      co_return std::move(deleted).error();
    co_return Ok();
  }
  if (service->spec().type() == "ExternalName" || service->spec().selector().empty())
    co_return Ok();
  const client::MessagePtr wanted =
      Reconcile({.service = *service,
                 .pods = PodsFor(pods_, *service),
                 .current = As<corev1::Endpoints>(endpoints_.Get(key))});
  if (!wanted) co_return Ok();
  const bool create = api::MetaOf(*wanted).resourceversion().empty();
  Status outcome = Ok();
  if (create) {
    auto written = co_await client_.Create(service->metadata().namespace_(), wanted);
    if (!written.ok()) outcome = std::move(written).error();
  } else {
    auto written = co_await client_.Update(wanted);
    if (!written.ok()) outcome = std::move(written).error();
  }
  if (outcome.ok()) co_return outcome;
  if (create && HasCause(outcome.error(), "NamespaceTerminating")) co_return Ok();
  const Reason reason = outcome.error().reason;
  if (reason != Reason::kConflict && reason != Reason::kAlreadyExists)
    recorder_.Event(*wanted, "Warning",
                    create ? "FailedToCreateEndpoint" : "FailedToUpdateEndpoint",
                    std::string(create ? "Failed to create endpoint for service "
                                       : "Failed to update endpoint ") +
                        key + ": " + outcome.error().message);
  co_return outcome;
}

}  // namespace wherry::controllers::endpoints
