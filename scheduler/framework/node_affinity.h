#pragma once

#include <string>
#include <vector>

namespace wherry::api::core::v1 {
class Node;
class NodeSelectorTerm;
class Pod;
}  // namespace wherry::api::core::v1

namespace wherry::scheduler::framework {

// The rules of lib/api/node_selector.h for a Node object.
bool TermMatches(const api::core::v1::NodeSelectorTerm& term, const api::core::v1::Node& node);

bool RequiredAffinityMatches(const api::core::v1::Pod& pod, const api::core::v1::Node& node);

}  // namespace wherry::scheduler::framework
