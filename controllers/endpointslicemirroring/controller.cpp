#include "controllers/endpointslicemirroring/controller.h"

#include "controllers/objects/await_all.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

namespace wherry::controllers::endpointslicemirroring {
namespace {

constexpr int kWorkers = 8;
constexpr char kByMirrored[] = "mirrored";

template <typename T>
std::shared_ptr<const T> As(const client::MessagePtr& message) {
  return std::static_pointer_cast<const T>(message);
}

// The key of the Endpoints that a slice of ours mirrors, "" for others' slices.
std::string MirroredKey(const google::protobuf::Message& object) {
  const auto& meta = static_cast<const discoveryv1::EndpointSlice&>(object).metadata();
  const auto managed_by = meta.labels().find("endpointslice.kubernetes.io/managed-by");
  const auto service = meta.labels().find("kubernetes.io/service-name");
  if (managed_by == meta.labels().end() || managed_by->second != kControllerName) return "";
  if (service == meta.labels().end() || service->second.empty()) return "";
  return client::KeyOf(meta.namespace_(), service->second);
}

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      services_(context.informers.For(api::KindOf<corev1::Service>())),
      endpoints_(context.informers.For(api::KindOf<corev1::Endpoints>())),
      slices_(context.informers.For(api::KindOf<discoveryv1::EndpointSlice>())),
      queue_(world_, "endpoint_slice_mirroring") {
  for (auto* informer : {&services_, &endpoints_}) {
    informer->AddHandlers({
        .on_change = [this](const auto&,
                            const auto& object) { queue_.Add(client::KeyOf(*object)); },
        .on_delete = [this](const auto& object) { queue_.Add(client::KeyOf(*object)); },
    });
  }
  slices_.AddIndex(kByMirrored, [](const auto& object) {
    std::string key = MirroredKey(object);
    return key.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::move(key)};
  });
  const auto on_slice = [this](const client::MessagePtr& object) {
    const std::string key = MirroredKey(*object);
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
  scope.Spawn("endpointslicemirroring controller", Run(scope));
}

Task<void> Controller::Run(TaskScope& scope) {
  co_await WaitForSync({&services_, &endpoints_, &slices_});
  queue_.Run(scope, kWorkers, [this](std::string key) { return Sync(std::move(key)); });
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
  for (auto& slice : actions.create) CO_TRY_STATUS(co_await Create(key, slice));
  for (auto& slice : actions.update) {
    const client::MessagePtr object = slice;
    CO_TRY_STATUS(co_await client_.Update(object));
  }
  for (auto& slice : actions.remove) CO_TRY_STATUS(co_await Remove(slice));
  if (!state.endpoints && !state.service && state.slices.empty()) expectations_.Forget(key);
  co_return Ok();
}

// Named here, so that the slice is recognised when its watch event arrives.
Task<Status> Controller::Create(std::string key,
                                std::shared_ptr<discoveryv1::EndpointSlice> slice) {
  auto* meta = slice->mutable_metadata();
  meta->set_name(meta->generatename() + world_.random.NameSuffix());
  const std::string name = meta->name();
  const std::string ns = meta->namespace_();
  expectations_.ExpectCreation(key, name, world_.clock.MonotonicNow());
  const client::MessagePtr object = slice;
  auto created = co_await client_.Create(ns, object);
  if (created.ok()) co_return Ok();
  if (IsAmbiguous(created.error())) {
    // Perhaps it was made: ask, for a second one would list every endpoint twice.
    auto found = co_await client_.Get(api::KindOf<discoveryv1::EndpointSlice>(), ns, name);
    if (found.ok()) co_return Ok();
  }
  expectations_.CreationObserved(key, name);
  if (HasCause(created.error(), "NamespaceTerminating")) co_return Ok();
  co_return std::move(created).error();
}

Task<Status> Controller::Remove(EndpointSlicePtr slice) {
  const auto& meta = slice->metadata();
  client::DeleteOptions options;
  options.uid = meta.uid();
  auto deleted =
      co_await client_.Delete(api::KindOf(*slice), meta.namespace_(), meta.name(), options);
  if (deleted.ok() || deleted.error().reason == Reason::kNotFound) co_return Ok();
  co_return std::move(deleted).error();
}

}  // namespace wherry::controllers::endpointslicemirroring
