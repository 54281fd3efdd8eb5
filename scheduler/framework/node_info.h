#pragma once

#include "scheduler/framework/affinity_term.h"
#include "scheduler/framework/resources.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::scheduler::framework {

using PodPtr = std::shared_ptr<const api::core::v1::Pod>;
using NodePtr = std::shared_ptr<const api::core::v1::Node>;

// A pod with what scheduling needs to know of it, computed once per revision. Immutable.
struct PodInfo {
  explicit PodInfo(PodPtr pod);

  PodPtr pod;
  Resources request;
  Resources scoring_request;
  PodAffinityPtr affinity;  // null when the pod has none

  // Whether this pod, which fits nowhere, might fit after `placed` was placed or changed its labels
  // (null: after any pod was). Only rules that look at other pods can.
  bool MayBeHelpedBy(const PodInfo* placed) const;
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

// One host port that a pod holds.
struct HostPort {
  std::string ip;  // "0.0.0.0" for all
  std::string protocol;
  int32_t port = 0;
  // Two pods cannot hold both.
  bool ConflictsWith(const HostPort& other) const;
};
std::vector<HostPort> HostPortsOf(const api::core::v1::Pod& pod);

// A node and the pods on it, assumed ones included: the scheduler's view of one node.
class NodeInfo {
 public:
  const api::core::v1::Node& node() const { return *node_; }
  const NodePtr& node_ptr() const { return node_; }
  bool has_node() const { return node_ != nullptr; }
  const std::string& name() const { return name_; }
  const NodeAllocatable& allocatable() const { return allocatable_; }
  const Resources& requested() const { return requested_; }
  const Resources& requested_for_scoring() const { return requested_for_scoring_; }
  const std::vector<PodInfoPtr>& pods() const { return pods_; }
  const std::vector<HostPort>& host_ports() const { return host_ports_; }
  // Pods that wait until there is room for them here; they are not among pods().
  const std::vector<PodInfoPtr>& nominated() const { return nominated_; }

  // Null takes the node away and keeps its pods: they may be seen before or after their node.
  void SetNode(NodePtr node);
  void AddPod(PodInfoPtr pod);
  // The pod as it was added; null when it is not here.
  PodInfoPtr RemovePod(std::string_view uid);
  void AddNominated(PodInfoPtr pod) { nominated_.push_back(std::move(pod)); }
  void RemoveNominated(std::string_view uid);

 private:
  std::string name_;
  NodePtr node_;
  NodeAllocatable allocatable_;
  Resources requested_;
  Resources requested_for_scoring_;
  std::vector<PodInfoPtr> pods_;
  std::vector<HostPort> host_ports_;
  std::vector<PodInfoPtr> nominated_;
};

// All nodes that have a Node object, in a stable order. Borrowed from the cache for one synchronous
// decision.
using Snapshot = std::vector<const NodeInfo*>;

}  // namespace wherry::scheduler::framework
