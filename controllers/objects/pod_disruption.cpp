#include "controllers/objects/pod_disruption.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::controllers {

namespace {

json::Value Condition(WallTime now, const std::string& type, const std::string& status,
                      const Disruption& why) {
  json::Value condition = {
      {"type", type}, {"status", status}, {"lastTransitionTime", api::FormatTime(now)}};
  if (!why.reason.empty()) condition["reason"] = why.reason;
  if (!why.message.empty()) condition["message"] = why.message;
  return condition;
}

Task<Status> PatchStatus(client::ApiClient& client, PodPtr pod, json::Value status) {
  json::Value patch;
  patch["metadata"]["uid"] = pod->metadata().uid();
  patch["status"] = std::move(status);
  auto patched =
      co_await client.Patch(api::KindOf(*pod), pod->metadata().namespace_(), pod->metadata().name(),
                            client::PatchType::kStrategicMerge, json::Dump(patch), "status");
  if (!patched.ok() && patched.error().reason != Reason::kNotFound)
    co_return std::move(patched).error();
  co_return Ok();
}

}  // namespace

Task<Status> PatchPodCondition(World& world, client::ApiClient& client, PodPtr pod,
                               std::string type, std::string status, Disruption why) {
  json::Value patch;
  patch["conditions"] = json::Value::array({Condition(world.clock.Now(), type, status, why)});
  auto patching = PatchStatus(client, pod, std::move(patch));
  co_return co_await std::move(patching);
}

Task<Status> DisruptPod(World& world, client::ApiClient& client, PodPtr pod, Disruption why) {
  json::Value status;
  const bool over = IsPodTerminal(*pod);
  if (!why.reason.empty() && !(why.mark_failed && over))
    status["conditions"] =
        json::Value::array({Condition(world.clock.Now(), "DisruptionTarget", "True", why)});
  if (why.mark_failed && !over) status["phase"] = "Failed";
  if (!status.is_null()) {
    auto patching = PatchStatus(client, pod, std::move(status));
    CO_TRY_STATUS(co_await std::move(patching));
  }
  client::DeleteOptions options;
  if (why.force) options.grace_period_seconds = 0;
  co_return co_await DeleteObject(client, pod, options);
}

}  // namespace wherry::controllers
