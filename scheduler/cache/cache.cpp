#include "scheduler/cache/cache.h"

#include "lib/api/same_labels.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::scheduler::cache {
void Cache::SetNode(framework::NodePtr node) {
  ++generation_;
  const std::string name = node->metadata().name();
  framework::NodeInfo& info = nodes_[name];
  if (!info.has_node()) snapshot_valid_ = false;
  SetNodeObject(info, std::move(node));
}

void Cache::RemoveNode(const std::string& name) {
  ++generation_;
  auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  SetNodeObject(found->second, nullptr);
  if (found->second.pods().empty()) nodes_.erase(found);
  snapshot_valid_ = false;
}

void Cache::SetPod(framework::PodInfoPtr pod) {
  assumed_.erase(pod->pod->metadata().uid());
  const std::string node_name = pod->pod->spec().nodename();
  Place(std::move(pod), node_name);
}

bool Cache::RemovePod(const std::string& uid) {
  ++generation_;
  assumed_.erase(uid);
  auto placed = node_of_pod_.find(uid);
  if (placed == node_of_pod_.end()) return false;
  auto node = nodes_.find(placed->second);
  node_of_pod_.erase(placed);
  Unplace(node->second, uid);
  if (!node->second.has_node() && node->second.pods().empty()) {
    nodes_.erase(node);
    snapshot_valid_ = false;
  }
  return true;
}

void Cache::Assume(framework::PodInfoPtr pod, const std::string& node_name) {
  assumed_.insert(pod->pod->metadata().uid());
  Place(std::move(pod), node_name);
}

void Cache::Forget(const std::string& uid) {
  if (IsAssumed(uid)) RemovePod(uid);
}

void Cache::Place(framework::PodInfoPtr pod, const std::string& node_name) {
  ++generation_;
  const std::string uid = pod->pod->metadata().uid();
  if (auto placed = node_of_pod_.find(uid); placed != node_of_pod_.end()) {
    Unplace(nodes_[placed->second], uid);
  }
  node_of_pod_[uid] = node_name;
  Unnominate(uid);
  AddTo(nodes_[node_name], std::move(pod));
}

void Cache::AddTo(framework::NodeInfo& info, framework::PodInfoPtr pod) {
  if (info.has_node()) {
    indexes_.affinity.AddPod(*pod, info.node());
    indexes_.siblings.AddPod(*pod, info.node());
  }
  info.AddPod(std::move(pod));
}

void Cache::Nominate(framework::PodInfoPtr pod, const std::string& node_name) {
  ++generation_;
  const std::string uid = pod->pod->metadata().uid();
  Unnominate(uid);
  auto node = nodes_.find(node_name);
  if (node == nodes_.end()) return;
  nominated_[uid] = node_name;
  node->second.AddNominated(std::move(pod));
}

void Cache::Unnominate(const std::string& uid) {
  ++generation_;
  auto found = nominated_.find(uid);
  if (found == nominated_.end()) return;
  if (auto node = nodes_.find(found->second); node != nodes_.end()) {
    node->second.RemoveNominated(uid);
  }
  nominated_.erase(found);
}

const std::string& Cache::NominatedNodeOf(const std::string& uid) const {
  static const std::string kNone;
  auto found = nominated_.find(uid);
  return found == nominated_.end() ? kNone : found->second;
}

void Cache::TakeOut(const std::string& uid) { Unplace(nodes_.at(node_of_pod_.at(uid)), uid); }

void Cache::PutBack(framework::PodInfoPtr pod) {
  const std::string node_name = node_of_pod_.at(pod->pod->metadata().uid());
  AddTo(nodes_.at(node_name), std::move(pod));
}

void Cache::Unplace(framework::NodeInfo& node, const std::string& uid) {
  const framework::PodInfoPtr pod = node.RemovePod(uid);
  if (pod == nullptr || !node.has_node()) return;
  indexes_.affinity.RemovePod(*pod, node.node());
  indexes_.siblings.RemovePod(*pod, node.node());
}

// Heartbeats change nothing that is indexed; they are the common case.
void Cache::SetNodeObject(framework::NodeInfo& info, framework::NodePtr node) {
  const framework::NodePtr before = info.node_ptr();
  const bool both = before != nullptr && node != nullptr;
  if (!both || !framework::SameImages(*before, *node)) {
    if (before != nullptr) indexes_.images.RemoveNode(*before);
    if (node != nullptr) indexes_.images.AddNode(*node);
  }
  if (!both || !api::SameLabels(before->metadata().labels(), node->metadata().labels())) {
    for (const framework::PodInfoPtr& pod : info.pods()) {
      if (before != nullptr) {
        indexes_.affinity.RemovePod(*pod, *before);
        indexes_.siblings.RemovePod(*pod, *before);
      }
      if (node != nullptr) {
        indexes_.affinity.AddPod(*pod, *node);
        indexes_.siblings.AddPod(*pod, *node);
      }
    }
  }
  info.SetNode(std::move(node));
}

void Cache::SetNamespace(const std::string& name, const api::LabelMap* labels) {
  ++generation_;
  indexes_.affinity.SetNamespace(name, labels);
}

const framework::NodeInfo* Cache::Find(const std::string& node_name) const {
  auto found = nodes_.find(node_name);
  return found != nodes_.end() && found->second.has_node() ? &found->second : nullptr;
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
