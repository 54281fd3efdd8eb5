#include "scheduler/cache/cache.h"

#include "proto/api/core/v1.pb.h"

namespace wherry::scheduler::cache {

void Cache::SetNode(framework::NodePtr node) {
  const std::string name = node->metadata().name();
  framework::NodeInfo& info = nodes_[name];
  if (!info.has_node()) snapshot_valid_ = false;
  info.SetNode(std::move(node));
}

void Cache::RemoveNode(const std::string& name) {
  auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  found->second.SetNode(nullptr);
  if (found->second.pods().empty()) nodes_.erase(found);
  snapshot_valid_ = false;
}

void Cache::SetPod(framework::PodInfoPtr pod) {
  assumed_.erase(pod->pod->metadata().uid());
  const std::string node_name = pod->pod->spec().nodename();
  Place(std::move(pod), node_name);
}

void Cache::RemovePod(const std::string& uid) {
  assumed_.erase(uid);
  auto placed = node_of_pod_.find(uid);
  if (placed == node_of_pod_.end()) return;
  auto node = nodes_.find(placed->second);
  node_of_pod_.erase(placed);
  node->second.RemovePod(uid);
  if (!node->second.has_node() && node->second.pods().empty()) {
    nodes_.erase(node);
    snapshot_valid_ = false;
  }
}

void Cache::Assume(framework::PodInfoPtr pod, const std::string& node_name) {
  assumed_.insert(pod->pod->metadata().uid());
  Place(std::move(pod), node_name);
}

void Cache::Forget(const std::string& uid) {
  if (IsAssumed(uid)) RemovePod(uid);
}

void Cache::Place(framework::PodInfoPtr pod, const std::string& node_name) {
  const std::string uid = pod->pod->metadata().uid();
  if (auto placed = node_of_pod_.find(uid); placed != node_of_pod_.end()) {
    nodes_[placed->second].RemovePod(uid);
  }
  node_of_pod_[uid] = node_name;
  nodes_[node_name].AddPod(std::move(pod));
}

const framework::Snapshot& Cache::Nodes() {
  if (!snapshot_valid_) {
    snapshot_.clear();
    for (const auto& [name, info] : nodes_) {
      if (info.has_node()) snapshot_.push_back(&info);
    }
    snapshot_valid_ = true;
  }
  return snapshot_;
}

}  // namespace wherry::scheduler::cache
