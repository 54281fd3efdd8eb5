#include "controllers/endpointslicemirroring/controller.h"

#include "controllers/objects/requests.h"
#include "controllers/objects/slices.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

namespace wherry::controllers::endpointslicemirroring {
namespace {

constexpr int kWorkers = 8;
constexpr char kByMirrored[] = "mirrored";

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      services_(context.informers.For(api::KindOf<corev1::Service>())),
      endpoints_(context.informers.For(api::KindOf<corev1::Endpoints>())),
      slices_(context.informers.For(api::KindOf<discoveryv1::EndpointSlice>())),
      queue_(world_, "endpoint_slice_mirroring") {
  services_.AddHandlers(EnqueueKeys(queue_));
  endpoints_.AddHandlers(EnqueueKeys(queue_));
  slices_.AddIndex(kByMirrored, ByServiceKey(kControllerName));
  const auto on_slice = [this](const client::MessagePtr& object) {
    const std::string key = ServiceKey(*object, kControllerName);
    if (key.empty()) return;
    expectations_.CreationObserved(key, As<discoveryv1::EndpointSlice>(object)->metadata().name());
    queue_.Add(key);
  };
  slices_.AddHandlers({
      .on_change = [on_slice](const auto&, const auto& object) { on_slice(object); },
      .on_delete = on_slice,
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&services_, &endpoints_, &slices_},
             [this](std::string key) { return Sync(std::move(key)); });
}

Task<Status> Controller::Sync(std::string key) {
  if (!expectations_.Satisfied(key, world_.clock.MonotonicNow())) {
    queue_.AddAfter(key, Expectations::kTimeout);
    co_return Ok();
  }
  State state{.endpoints = As<corev1::Endpoints>(endpoints_.Get(key)),
              .service = As<corev1::Service>(services_.Get(key))};
  for (const auto& slice : slices_.ByIndex(kByMirrored, key))
    state.slices.push_back(As<discoveryv1::EndpointSlice>(slice));
  Actions actions = Reconcile(state);
  for (auto& slice : actions.create)
    CO_TRY_STATUS(co_await CreateSlice(world_, client_, expectations_, key, slice));
  for (auto& slice : actions.update) {
    const client::MessagePtr object = slice;
    CO_TRY_STATUS(co_await client_.Update(object));
  }
  for (auto& slice : actions.remove) CO_TRY_STATUS(co_await DeleteObject(client_, slice));
  if (!state.endpoints && !state.service && state.slices.empty()) expectations_.Forget(key);
  co_return Ok();
}

}  // namespace wherry::controllers::endpointslicemirroring
