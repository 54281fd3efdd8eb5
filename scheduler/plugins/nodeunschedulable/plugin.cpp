#include "scheduler/plugins/nodeunschedulable/plugin.h"

#include "lib/api/taints.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::plugins {
namespace {

class CordonFilter : public framework::NodeFilter {
 public:
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const override {
    if (!node.node().spec().unschedulable()) return {};
    return {framework::Rejection::Lasting("node(s) were unschedulable")};
  }
};

class NodeUnschedulable : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodeUnschedulable"; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const framework::PodInfo& pod,
                                                       const framework::Snapshot&) const override {
    api::core::v1::Taint cordon;
    cordon.set_key("node.kubernetes.io/unschedulable");
    cordon.set_effect("NoSchedule");
    if (api::AnyTolerates(pod.pod->spec(), cordon)) return nullptr;
    return std::make_unique<CordonFilter>();
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeNodeUnschedulable() {
  return std::make_unique<NodeUnschedulable>();
}

}  // namespace wherry::scheduler::plugins
