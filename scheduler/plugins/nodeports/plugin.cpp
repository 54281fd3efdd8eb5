#include "scheduler/plugins/nodeports/plugin.h"

namespace wherry::scheduler::plugins {
namespace {

class PortsFilter : public framework::NodeFilter {
 public:
  explicit PortsFilter(std::vector<framework::HostPort> wanted) : wanted_(std::move(wanted)) {}
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const override {
    for (const framework::HostPort& held : node.host_ports()) {
      for (const framework::HostPort& port : wanted_) {
        if (port.ConflictsWith(held))
          return {"node(s) didn't have free ports for the requested pod ports"};
      }
    }
    return {};
  }

 private:
  std::vector<framework::HostPort> wanted_;
};

class NodePorts : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodePorts"; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const framework::PodInfo& pod,
                                                       const framework::Snapshot&) const override {
    auto wanted = framework::HostPortsOf(*pod.pod);
    if (wanted.empty()) return nullptr;
    return std::make_unique<PortsFilter>(std::move(wanted));
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeNodePorts() { return std::make_unique<NodePorts>(); }

}  // namespace wherry::scheduler::plugins
