#include "nodeagent/lifecycle/oom_score.h"

#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

constexpr int32_t kGuaranteed = -997;
constexpr int32_t kBestEffort = 1000;
constexpr int32_t kNodeCriticalPriority = 2'000'001'000;

// Bytes that the container asks for; 0 when it asks for none.
int64_t MemoryRequest(const Container& container) {
  const auto& requests = container.resources().requests();
  auto found = requests.find("memory");
  return found == requests.end() ? 0 : api::Quantity::From(found->second).Value();
}

}  // namespace

int32_t OomScoreAdj(const Pod& pod, const Container& container, int64_t memory_capacity_bytes) {
  if (pod.spec().priority() >= kNodeCriticalPriority) return kGuaranteed;
  const std::string qos = QosClass(pod);
  if (qos == "Guaranteed") return kGuaranteed;
  if (qos == "BestEffort" || memory_capacity_bytes <= 0) return kBestEffort;
  const double share =
      static_cast<double>(MemoryRequest(container)) / static_cast<double>(memory_capacity_bytes);
  const auto asked = static_cast<int32_t>(kBestEffort * std::min(share, 1.0));
  return std::clamp(kBestEffort - asked, kBestEffort + kGuaranteed, kBestEffort - 1);
}

}  // namespace wherry::nodeagent::lifecycle
