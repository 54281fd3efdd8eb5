#include "scheduler/report.h"

#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/client/informer.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace wherry::scheduler {
namespace {

namespace core = api::core::v1;

constexpr telemetry::Logger kLog("scheduler");
constexpr const char* kReason = "Unschedulable";

// The pod's condition PodScheduled if it is False already; else null.
const core::PodCondition* NotScheduled(const core::Pod& pod) {
  const auto& conditions = pod.status().conditions();
  auto found = std::find_if(conditions.begin(), conditions.end(), [](const auto& each) {
    return each.type() == "PodScheduled" && each.status() == "False";
  });
  return found == conditions.end() ? nullptr : &*found;
}

bool Says(const core::PodCondition* condition, const std::string& message) {
  return condition != nullptr && condition->reason() == kReason && condition->message() == message;
}

}  // namespace

Reporter::Reporter(World& world, client::ApiClient& client, client::EventRecorder& recorder)
    : world_(world), client_(client), recorder_(recorder), scope_(world.loop) {}

void Reporter::Unschedulable(framework::PodInfoPtr pod, std::string message) {
  recorder_.Event(*pod->pod, "Warning", "FailedScheduling", message);
  const std::string uid = pod->pod->metadata().uid();
  if (Says(NotScheduled(*pod->pod), message)) {
    Drop(uid);
    return;
  }
  waiting_[uid] = {.pod = std::move(pod), .message = std::move(message)};
  if (under_way_ == kUnderWayMax) return;
  ++under_way_;
  scope_.Spawn("report unschedulable", WriteAll());
}

Task<void> Reporter::WriteAll() {
  while (!waiting_.empty()) {
    Report report = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    auto writing = Write(std::move(report));
    co_await std::move(writing);
  }
  --under_way_;
}

Task<void> Reporter::Write(Report report) {
  const core::Pod& pod = *report.pod->pod;
  nlohmann::json condition = {{"type", "PodScheduled"},
                              {"status", "False"},
                              {"reason", kReason},
                              {"message", report.message},
                              {"lastProbeTime", nullptr}};
  if (NotScheduled(pod) == nullptr) {
    condition["lastTransitionTime"] = api::FormatTime(world_.clock.Now());
  }
  const nlohmann::json patch = {{"metadata", {{"uid", pod.metadata().uid()}}},
                                {"status", {{"conditions", nlohmann::json::array({condition})}}}};
  auto patched = co_await client_.Patch(api::KindOf<core::Pod>(), pod.metadata().namespace_(),
                                        pod.metadata().name(), client::PatchType::kStrategicMerge,
                                        patch.dump(), "status");
  if (!patched.ok() && patched.error().reason != Reason::kNotFound) {
    kLog.Warn("the pod's condition could not be written, its event was",
              {{"pod", client::KeyOf(pod)}, {"error", patched.error().message}});
  }
}

}  // namespace wherry::scheduler
