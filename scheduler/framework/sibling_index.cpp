#include "scheduler/framework/sibling_index.h"

#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::scheduler::framework {

const DomainCounts* SiblingIndex::CountsOf(const std::string& controller_uid,
                                           const std::string& topology_key) const {
  auto found = by_controller_.find(controller_uid);
  if (found == by_controller_.end()) return nullptr;
  return &found->second.counts[topology_key == kHostnameLabel ? 0 : 1];
}

void SiblingIndex::Count(const PodInfo& pod, const api::core::v1::Node& node, int64_t by) {
  const auto& metadata = pod.pod->metadata();
  const auto* controller = api::ControllerOf(metadata);
  if (controller == nullptr || metadata.has_deletiontimestamp()) return;
  Siblings& siblings = by_controller_[controller->uid()];
  siblings.pods += by;
  const auto& labels = node.metadata().labels();
  for (size_t i = 0; i < 2; ++i) {
    auto label = labels.find(i == 0 ? kHostnameLabel : kZoneLabel);
    if (label == labels.end()) continue;
    auto [count, inserted] = siblings.counts[i].try_emplace(label->second, 0);
    count->second += by;
    if (count->second == 0) siblings.counts[i].erase(count);
  }
  if (siblings.pods == 0) by_controller_.erase(controller->uid());
}

}  // namespace wherry::scheduler::framework
