#include "scheduler/evict.h"

#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/client/informer.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::scheduler {
namespace {

namespace core = api::core::v1;

constexpr telemetry::Logger kLog("scheduler");

Task<Status> PatchStatus(client::ApiClient& client, framework::PodPtr pod, nlohmann::json status) {
  const nlohmann::json patch = {{"metadata", {{"uid", pod->metadata().uid()}}},
                                {"status", std::move(status)}};
  auto patched = co_await client.Patch(api::KindOf<core::Pod>(), pod->metadata().namespace_(),
                                       pod->metadata().name(), client::PatchType::kStrategicMerge,
                                       patch.dump(), "status");
  if (!patched.ok() && patched.error().reason != Reason::kNotFound) {
    kLog.Warn("the pod's status could not be written",
              {{"pod", client::KeyOf(*pod)}, {"error", patched.error().message}});
    co_return std::move(patched).error();
  }
  co_return Ok();
}

}  // namespace

Task<void> Evict(World& world, client::ApiClient& client, client::EventRecorder& recorder,
                 framework::PodInfoPtr pod, preemption::Candidate candidate) {
  nlohmann::json nominated = {{"nominatedNodeName", candidate.node_name}};
  auto written = co_await PatchStatus(client, pod->pod, std::move(nominated));
  Ignore(written, "logged; the scheduler remembers the node itself");
  for (const framework::PodInfoPtr& victim : candidate.victims) {
    const auto& metadata = victim->pod->metadata();
    if (metadata.has_deletiontimestamp()) continue;
    nlohmann::json condition = {
        {"type", "DisruptionTarget"},
        {"status", "True"},
        {"reason", "PreemptionByScheduler"},
        {"message",
         pod->pod->spec().schedulername() + ": preempting to accommodate a higher priority pod"},
        {"lastTransitionTime", api::FormatTime(world.clock.Now())}};
    nlohmann::json status = {{"conditions", nlohmann::json::array({condition})}};
    auto marked = co_await PatchStatus(client, victim->pod, std::move(status));
    Ignore(marked, "logged; the pod goes all the same");
    client::DeleteOptions options;
    options.uid = metadata.uid();
    auto deleted = co_await client.Delete(api::KindOf<core::Pod>(), metadata.namespace_(),
                                          metadata.name(), options);
    if (deleted.ok()) {
      recorder.Event(*victim->pod, "Normal", "Preempted",
                     "Preempted by a pod on node " + candidate.node_name);
    } else if (deleted.error().reason != Reason::kNotFound) {
      kLog.Warn("the pod to preempt could not be deleted",
                {{"pod", client::KeyOf(*victim->pod)}, {"error", deleted.error().message}});
    }
  }
}

Task<void> ClearNomination(client::ApiClient& client, framework::PodInfoPtr pod) {
  nlohmann::json none = {{"nominatedNodeName", nullptr}};
  auto written = co_await PatchStatus(client, pod->pod, std::move(none));
  Ignore(written, "logged; the scheduler has forgotten the node itself");
}

}  // namespace wherry::scheduler
