#include "controllers/endpointslice/controller.h"

#include "controllers/objects/await_all.h"
#include "controllers/objects/service_pods.h"
#include "controllers/objects/slices.h"
#include "controllers/objects/worker.h"
#include "lib/api/kind_registry.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

namespace wherry::controllers::endpointslice {
namespace {

constexpr int kWorkers = 16;
constexpr char kByService[] = "service";

}  // namespace

Controller::Controller(Context context)
    : world_(context.world),
      client_(context.client),
      services_(context.informers.For(api::KindOf<corev1::Service>())),
      pods_(context.informers.For(api::KindOf<corev1::Pod>())),
      nodes_(context.informers.For(api::KindOf<corev1::Node>())),
      slices_(context.informers.For(api::KindOf<discoveryv1::EndpointSlice>())),
      queue_(world_, "endpoint_slice"),
      recorder_(world_, client_, "endpoint-slice-controller") {
  services_.AddHandlers(EnqueueKeys(queue_));
  pods_.AddHandlers({
      .on_change = [this](const auto& before, const auto& pod) { OnPod(before, pod); },
      .on_delete = [this](const auto& pod) { OnPod(nullptr, pod); },
  });
  nodes_.AddHandlers({
      .on_change = [this](const auto& before, const auto& node) { OnNode(before, node); },
      .on_delete = [this](const auto& node) { OnNode(nullptr, node); },
  });
  slices_.AddIndex(kByService, ByServiceKey(kControllerName));
  slices_.AddHandlers({
      .on_change =
          [this](const auto& before, const auto& object) {
            const auto& meta = As<discoveryv1::EndpointSlice>(object)->metadata();
            const std::string old_key = before ? ServiceKey(*before, kControllerName) : "";
            const std::string key = ServiceKey(*object, kControllerName);
            if (!key.empty()) expectations_.CreationObserved(key, meta.name());
            if (!key.empty()) queue_.Add(key);
            if (!old_key.empty() && old_key != key) queue_.Add(old_key);
          },
      .on_delete =
          [this](const auto& object) {
            const auto& meta = As<discoveryv1::EndpointSlice>(object)->metadata();
            const std::string key = ServiceKey(*object, kControllerName);
            if (key.empty()) return;
            expectations_.CreationObserved(key, meta.name());
            expectations_.DeletionObserved(key, meta.uid());
            queue_.Add(key);
          },
  });
}

void Controller::Start(TaskScope& scope) {
  RunWorkers(scope, queue_, kWorkers, {&services_, &pods_, &nodes_, &slices_},
             [this](std::string key) { return Sync(std::move(key)); });
}

void Controller::OnPod(const client::MessagePtr& before, const client::MessagePtr& pod) {
  for (auto& key : ServicesToldOf(services_, As<corev1::Pod>(before), *As<corev1::Pod>(pod)))
    queue_.Add(std::move(key));
}

// Nodes matter when they come and go: pods on absent nodes are no endpoints.
void Controller::OnNode(const client::MessagePtr& before, const client::MessagePtr& node) {
  if (before) return;
  for (const auto& pod : pods_.ByIndex(kByNode, As<corev1::Node>(node)->metadata().name())) {
    for (auto& key : ServicesFor(services_, *As<corev1::Pod>(pod))) queue_.Add(std::move(key));
  }
}

Task<Status> Controller::Sync(std::string key) {
  const auto service = As<corev1::Service>(services_.Get(key));
  if (!service) {
    expectations_.Forget(key);  // the slices are the garbage collector's
    co_return Ok();
  }
  if (service->spec().type() == "ExternalName" || service->spec().selector().empty())
    co_return Ok();
  if (!expectations_.Satisfied(key, world_.clock.MonotonicNow())) {
    queue_.AddAfter(key, Expectations::kTimeout);
    co_return Ok();
  }
  State state{.service = *service, .pods = PodsFor(pods_, *service)};
  for (const auto& slice : slices_.ByIndex(kByService, key))
    state.slices.push_back(As<discoveryv1::EndpointSlice>(slice));
  state.node = [this](const std::string& name) { return As<corev1::Node>(nodes_.Get(name)); };
  Actions actions = Reconcile(state);
  auto outcome = co_await Execute(service, std::move(actions));
  if (!outcome.ok() && outcome.error().reason != Reason::kConflict)
    recorder_.Event(
        *service, "Warning", "FailedToUpdateEndpointSlices",
        "Error updating Endpoint Slices for Service " + key + ": " + outcome.error().message);
  co_return outcome;
}

Task<Status> Controller::Execute(ServicePtr service, Actions actions) {
  const std::string key = client::KeyOf(*service);
  std::vector<Task<Status>> writes;
  for (auto& slice : actions.create)
    writes.push_back(CreateSlice(world_, client_, expectations_, key, slice));
  for (auto& slice : actions.update) writes.push_back(Update(slice));
  for (auto& slice : actions.remove) writes.push_back(Remove(key, slice));
  auto outcomes = co_await AwaitAll(world_.loop, std::move(writes));
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) co_return std::move(outcome);
  }
  co_return Ok();
}

Task<Status> Controller::Update(std::shared_ptr<discoveryv1::EndpointSlice> slice) {
  const client::MessagePtr object = slice;
  CO_TRY_STATUS(co_await client_.Update(object));
  co_return Ok();
}

Task<Status> Controller::Remove(std::string key, EndpointSlicePtr slice) {
  const auto& meta = slice->metadata();
  expectations_.ExpectDeletion(key, meta.uid(), world_.clock.MonotonicNow());
  client::DeleteOptions options;
  options.uid = meta.uid();
  auto deleted =
      co_await client_.Delete(api::KindOf(*slice), meta.namespace_(), meta.name(), options);
  if (deleted.ok()) co_return Ok();
  expectations_.DeletionObserved(key, meta.uid());
  if (deleted.error().reason == Reason::kNotFound) co_return Ok();
  co_return std::move(deleted).error();
}

}  // namespace wherry::controllers::endpointslice
