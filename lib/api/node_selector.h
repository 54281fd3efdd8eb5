#pragma once

#include <functional>
#include <string>

namespace wherry::api::core::v1 {
class NodeSelectorTerm;
class PodSpec;
}  // namespace wherry::api::core::v1

namespace wherry::api {

// A node as its selectors see it.
struct NodeToSelect {
  const std::string& name;
  // The value of a label, null when the node does not have it.
  std::function<const std::string*(const std::string& key)> label;
};

// Whether one term of a node selector holds; an empty term holds for no node. Source:
// component-helpers nodeaffinity.
bool NodeSelectorTermMatches(const core::v1::NodeSelectorTerm& term, const NodeToSelect& node);

// nodeSelector and the required node affinity of a pod hold for the node.
bool RequiredNodeAffinityMatches(const core::v1::PodSpec& spec, const NodeToSelect& node);

}  // namespace wherry::api
