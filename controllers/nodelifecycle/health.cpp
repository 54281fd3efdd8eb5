#include "controllers/nodelifecycle/health.h"

#include "controllers/objects/conditions.h"
#include "lib/api/codec.h"
#include "lib/api/taints.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <array>

namespace wherry::controllers::nodelifecycle {
namespace {

constexpr char kNotReady[] = "node.kubernetes.io/not-ready";
constexpr char kUnreachable[] = "node.kubernetes.io/unreachable";
constexpr char kUnschedulable[] = "node.kubernetes.io/unschedulable";
constexpr char kNoSchedule[] = "NoSchedule";
constexpr char kNoExecute[] = "NoExecute";

struct ConditionTaint {
  const char* condition;
  const char* status;
  const char* key;
};
constexpr std::array<ConditionTaint, 6> kConditionTaints = {{
    {"Ready", "False", kNotReady},
    {"Ready", "Unknown", kUnreachable},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
}};

const corev1::NodeCondition* FindNodeCondition(const corev1::Node& node, std::string_view type) {
  return FindCondition(&node.status().conditions(), type);
}

// Taints that this controller sets and removes.
bool IsOurs(const corev1::Taint& taint) {
  if (taint.effect() == kNoExecute) return taint.key() == kNotReady || taint.key() == kUnreachable;
  if (taint.effect() != kNoSchedule) return false;
  return taint.key() == kUnschedulable ||
         std::any_of(kConditionTaints.begin(), kConditionTaints.end(),
                     [&](const ConditionTaint& entry) { return taint.key() == entry.key; });
}

bool Has(const corev1::Node& node, std::string_view key, std::string_view effect) {
  const auto& taints = node.spec().taints();
  return std::any_of(taints.begin(), taints.end(), [&](const corev1::Taint& taint) {
    return taint.key() == key && taint.effect() == effect;
  });
}

}  // namespace

std::string ReadyStatus(const corev1::Node& node) {
  const auto* ready = FindNodeCondition(node, "Ready");
  return ready == nullptr ? "" : ready->status();
}

std::shared_ptr<corev1::Node> WithUnknownConditions(const corev1::Node& node, WallTime now) {
  static constexpr std::array<const char*, 4> kTypes = {"Ready", "MemoryPressure", "DiskPressure",
                                                        "PIDPressure"};
  auto copy = std::make_shared<corev1::Node>(node);
  auto* conditions = copy->mutable_status()->mutable_conditions();
  bool changed = false;
  for (const char* type : kTypes) {
    auto* condition = FindCondition(conditions, type);
    if (condition != nullptr && condition->status() == "Unknown") continue;
    changed = true;
    const bool never = condition == nullptr;
    if (never) {
      condition = conditions->Add();
      condition->set_type(type);
      *condition->mutable_lastheartbeattime() = node.metadata().creationtimestamp();
    }
    condition->set_status("Unknown");
    condition->set_reason(never ? "NodeStatusNeverUpdated" : "NodeStatusUnknown");
    condition->set_message(never ? "Kubelet never posted node status."
                                 : "Kubelet stopped posting node status.");
    api::SetTime(condition->mutable_lasttransitiontime(), now);
  }
  return changed ? copy : nullptr;
}

std::string WantedNoExecute(const corev1::Node& node) {
  const std::string ready = ReadyStatus(node);
  if (ready == "Unknown") return kUnreachable;
  return ready == "False" ? kNotReady : "";
}

std::vector<corev1::Taint> DesiredTaints(const corev1::Node& node, TaintPolicy policy,
                                         WallTime now) {
  std::vector<corev1::Taint> taints;
  const std::string no_execute = WantedNoExecute(node);
  const auto want = [&](std::string_view key, std::string_view effect) {
    auto& taint = taints.emplace_back();
    taint.set_key(std::string(key));
    taint.set_effect(std::string(effect));
    api::SetTime(taint.mutable_timeadded(), now);
  };
  // Present ones first and unchanged, others' included, so that a list that is right compares
  // equal.
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const auto& entry : kConditionTaints) {
    const auto* condition = FindNodeCondition(node, entry.condition);
    if (condition != nullptr && condition->status() == entry.status)
      wanted.emplace_back(entry.key, kNoSchedule);
  }
  if (node.spec().unschedulable()) wanted.emplace_back(kUnschedulable, kNoSchedule);
  const bool running = !no_execute.empty() && !policy.reprieve &&
                       (policy.evict || Has(node, no_execute, kNoExecute));
  if (running) wanted.emplace_back(no_execute, kNoExecute);
  // A node that turns from one kind of not ready to the other stays evicted.
  if (!running && IsBeingEvicted(node) && !no_execute.empty() && !policy.reprieve)
    wanted.emplace_back(no_execute, kNoExecute);

  for (const auto& taint : node.spec().taints()) {
    const auto it = std::find(wanted.begin(), wanted.end(),
                              std::pair<std::string, std::string>(taint.key(), taint.effect()));
    if (it != wanted.end())
      wanted.erase(it);
    else if (IsOurs(taint))
      continue;
    taints.push_back(taint);
  }
  for (const auto& [key, effect] : wanted) want(key, effect);
  return taints;
}

bool SameTaints(const corev1::Node& node, const std::vector<corev1::Taint>& taints) {
  return std::equal(node.spec().taints().begin(), node.spec().taints().end(), taints.begin(),
                    taints.end(), [](const corev1::Taint& a, const corev1::Taint& b) {
                      return api::ToJson(a) == api::ToJson(b);
                    });
}

bool IsBeingEvicted(const corev1::Node& node) {
  return Has(node, kNotReady, kNoExecute) || Has(node, kUnreachable, kNoExecute);
}

bool HasNoExecute(const corev1::Node& node) {
  const auto& taints = node.spec().taints();
  return std::any_of(taints.begin(), taints.end(),
                     [](const corev1::Taint& taint) { return taint.effect() == kNoExecute; });
}

std::optional<std::chrono::seconds> ToleratedFor(const corev1::Pod& pod, const corev1::Node& node) {
  std::optional<std::chrono::seconds> shortest;
  const auto limit = [&](std::chrono::seconds time) {
    if (!shortest || time < *shortest) shortest = std::max(time, std::chrono::seconds(0));
  };
  for (const auto& taint : node.spec().taints()) {
    if (taint.effect() != kNoExecute) continue;
    bool tolerated = false;
    for (const auto& toleration : pod.spec().tolerations()) {
      if (!api::Tolerates(toleration, taint)) continue;
      tolerated = true;
      if (toleration.has_tolerationseconds())
        limit(std::chrono::seconds(toleration.tolerationseconds()));
      break;
    }
    if (!tolerated) return std::chrono::seconds(0);
  }
  return shortest;
}

}  // namespace wherry::controllers::nodelifecycle
