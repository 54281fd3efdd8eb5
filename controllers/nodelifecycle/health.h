#pragma once

#include "controllers/objects/types.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// How healthy nodes are, and what that means for them. Pure. Source: upstream
// pkg/controller/nodelifecycle; API docs "Nodes", "Taints and Tolerations".
namespace wherry::controllers::nodelifecycle {

// "True", "False", "Unknown", or "" when the node has never said.
std::string ReadyStatus(const corev1::Node& node);

// The node with the conditions of one that has gone silent; null when it has them.
std::shared_ptr<corev1::Node> WithUnknownConditions(const corev1::Node& node, WallTime now);

// The node's taints with those that its conditions ask for in place of those that earlier ones
// did. NoExecute ones are added only when `evict` is set, and present ones kept unless the
// condition is over or `reprieve` is set.
struct TaintPolicy {
  bool evict = false;
  bool reprieve = false;
};
std::vector<corev1::Taint> DesiredTaints(const corev1::Node& node, TaintPolicy policy,
                                         WallTime now);
bool SameTaints(const corev1::Node& node, const std::vector<corev1::Taint>& taints);
// The NoExecute taint that the node's readiness asks for: its key, "" when it asks for none.
std::string WantedNoExecute(const corev1::Node& node);

// Whether it carries the NoExecute taint of either kind of not ready.
bool IsBeingEvicted(const corev1::Node& node);

// When a pod must leave a node with these NoExecute taints, counted from its first sight of them:
// at once when it does not tolerate one of them, nullopt is never. (That pods which say nothing
// stay on not-ready and unreachable nodes for five minutes is the admission plugin
// DefaultTolerationSeconds' doing.)
std::optional<std::chrono::seconds> ToleratedFor(const corev1::Pod& pod, const corev1::Node& node);
bool HasNoExecute(const corev1::Node& node);

}  // namespace wherry::controllers::nodelifecycle
