#include "scheduler/cycle/pod_filters.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::cycle {

using framework::NodeInfo;
using framework::Rejection;

PodFilters::PodFilters(const framework::Plugins& plugins, const framework::PodInfo& pod,
                       const framework::Snapshot& nodes)
    : pod_(pod) {
  for (const auto& plugin : plugins) {
    if (auto filter = plugin->PrepareFilter(pod, nodes)) filters_.push_back(std::move(filter));
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
  for (const auto& filter : filters_) {
    auto rejections = filter->Check(node);
    if (!rejections.empty()) return rejections;
  }
  return {};
}

}  // namespace wherry::scheduler::cycle
