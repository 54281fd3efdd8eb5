#pragma once

#include <string>
#include <vector>

namespace wherry::api::core::v1 {
class Node;
class NodeSelectorTerm;
class Pod;
}  // namespace wherry::api::core::v1

namespace wherry::scheduler::framework {

// Whether one term of a node selector holds; an empty term holds for no node. Source:
// component-helpers nodeaffinity.
bool TermMatches(const api::core::v1::NodeSelectorTerm& term, const api::core::v1::Node& node);

// nodeSelector and the required node affinity of a pod hold for the node.
bool RequiredAffinityMatches(const api::core::v1::Pod& pod, const api::core::v1::Node& node);

}  // namespace wherry::scheduler::framework
