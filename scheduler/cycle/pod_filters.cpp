#include "scheduler/cycle/pod_filters.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::cycle {

using framework::NodeInfo;
using framework::Rejection;

PodFilters::PodFilters(const framework::Plugins& plugins, const framework::PodInfo& pod,
                       const framework::Snapshot& nodes)
    : pod_(pod), nodes_(nodes) {
  for (const auto& plugin : plugins) {
    rules_.push_back({.plugin = plugin.get(), .filter = plugin->PrepareFilter(pod, nodes)});
  }
}

void PodFilters::FollowPod(const framework::PodInfo& other, const NodeInfo& node, int64_t by) {
  for (Rule& rule : rules_) {
    if (rule.filter == nullptr) continue;
    if (rule.plugin->filter_borrows_from_index()) {
      rule.filter = nullptr;  // what it borrowed may be gone
    } else {
      rule.filter->FollowPod(other, node, by);
    }
  }
}

void PodFilters::Refresh() {
  for (Rule& rule : rules_) {
    if (rule.plugin->filter_borrows_from_index()) {
      rule.filter = rule.plugin->PrepareFilter(pod_, nodes_);
    }
  }
}

std::vector<Rejection> PodFilters::Check(const NodeInfo& node) const {
  std::vector<framework::PodInfoPtr> expected;
  for (const framework::PodInfoPtr& other : node.nominated()) {
    if (other->pod->spec().priority() >= pod_.pod->spec().priority() &&
        other->pod->metadata().uid() != pod_.pod->metadata().uid()) {
      expected.push_back(other);
    }
  }
  if (!expected.empty()) {
    NodeInfo with_them = node;
    for (const framework::PodInfoPtr& other : expected) with_them.AddPod(other);
    auto rejections = CheckAsIs(with_them);
    if (!rejections.empty()) return rejections;
  }
  // And without them: they may never come.
  return CheckAsIs(node);
}

std::vector<Rejection> PodFilters::CheckAsIs(const NodeInfo& node) const {
  for (const Rule& rule : rules_) {
    if (rule.filter == nullptr) continue;
    auto rejections = rule.filter->Check(node);
    if (!rejections.empty()) return rejections;
  }
  return {};
}

}  // namespace wherry::scheduler::cycle
