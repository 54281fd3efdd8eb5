#include "scheduler/plugins/nodename/plugin.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::plugins {
namespace {

class NameFilter : public framework::NodeFilter {
 public:
  explicit NameFilter(const std::string& name) : name_(name) {}
  std::vector<framework::Rejection> Check(const framework::NodeInfo& node) const override {
    if (node.name() == name_) return {};
    return {framework::Rejection::Lasting("node(s) didn't match the requested node name")};
  }

 private:
  const std::string& name_;
};

class NodeName : public framework::Plugin {
 public:
  std::string_view name() const override { return "NodeName"; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const framework::PodInfo& pod,
                                                       const framework::Snapshot&) const override {
    if (pod.pod->spec().nodename().empty()) return nullptr;
    return std::make_unique<NameFilter>(pod.pod->spec().nodename());
  }
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeNodeName() { return std::make_unique<NodeName>(); }

}  // namespace wherry::scheduler::plugins
