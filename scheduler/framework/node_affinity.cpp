#include "scheduler/framework/node_affinity.h"

#include "lib/api/node_selector.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::framework {
namespace {

namespace core = api::core::v1;

api::NodeToSelect AsSeen(const core::Node& node) {
  const auto& labels = node.metadata().labels();
  return {.name = node.metadata().name(), .label = [&labels](const std::string& key) {
            auto label = labels.find(key);
            return label == labels.end() ? nullptr : &label->second;
          }};
}

}  // namespace

bool TermMatches(const core::NodeSelectorTerm& term, const core::Node& node) {
  return api::NodeSelectorTermMatches(term, AsSeen(node));
}

bool RequiredAffinityMatches(const core::Pod& pod, const core::Node& node) {
  return api::RequiredNodeAffinityMatches(pod.spec(), AsSeen(node));
}

}  // namespace wherry::scheduler::framework
