#include "controllers/objects/pod_disruption.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/requests.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::controllers {

Task<Status> PatchPodCondition(World& world, client::ApiClient& client, PodPtr pod,
                               std::string type, std::string status, Disruption why) {
  json::Value condition = {{"type", type},
                           {"status", status},
                           {"lastTransitionTime", api::FormatTime(world.clock.Now())}};
  if (!why.reason.empty()) condition["reason"] = why.reason;
  if (!why.message.empty()) condition["message"] = why.message;
  json::Value patch;
  patch["metadata"]["uid"] = pod->metadata().uid();
  patch["status"]["conditions"] = json::Value::array({std::move(condition)});
  if (why.mark_failed && !IsPodTerminal(*pod)) patch["status"]["phase"] = "Failed";
  auto patched =
      co_await client.Patch(api::KindOf(*pod), pod->metadata().namespace_(), pod->metadata().name(),
                            client::PatchType::kStrategicMerge, json::Dump(patch), "status");
  if (!patched.ok() && patched.error().reason != Reason::kNotFound)
    co_return std::move(patched).error();
  co_return Ok();
}

Task<Status> DisruptPod(World& world, client::ApiClient& client, PodPtr pod, Disruption why) {
  client::DeleteOptions options;
  if (why.force) options.grace_period_seconds = 0;
  if (!why.reason.empty())
    CO_TRY_STATUS(co_await PatchPodCondition(world, client, pod, "DisruptionTarget", "True", why));
  co_return co_await DeleteObject(client, pod, options);
}

}  // namespace wherry::controllers
