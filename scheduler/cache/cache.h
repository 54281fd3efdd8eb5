#pragma once

#include "scheduler/framework/indexes.h"
#include "scheduler/framework/node_info.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace wherry::scheduler::cache {

// What the scheduler believes about nodes and the pods on them. A pod that was given a node but
// whose binding has not been seen on the watch yet is "assumed": it takes its place at once, and
// gives it back when the binding fails.
//
// Loop thread. View: the cluster.
class Cache {
 public:
  void SetNode(framework::NodePtr node);
  void RemoveNode(const std::string& name);

  // A pod seen bound (or still bound) to spec.nodeName; confirms an assumed one.
  void SetPod(framework::PodInfoPtr pod);
  // False when it had no place.
  bool RemovePod(const std::string& uid);

  void Assume(framework::PodInfoPtr pod, const std::string& node_name);
  void Forget(const std::string& uid);
  bool IsAssumed(const std::string& uid) const { return assumed_.contains(uid); }

  // A pod waits for room on a node, until Unnominate or until it has a place. Replaces an earlier
  // one of the same pod.
  void Nominate(framework::PodInfoPtr pod, const std::string& node_name);
  void Unnominate(const std::string& uid);
  // "" when it has none.
  const std::string& NominatedNodeOf(const std::string& uid) const;

  // Grows with each change, dry runs excepted.
  uint64_t generation() const { return generation_; }
  // Null when it has no Node object. Valid until the next change.
  const framework::NodeInfo* Find(const std::string& node_name) const;

  // For dry runs: takes a placed pod away for a while, its place stays its own.
  void TakeOut(const std::string& uid);
  void PutBack(framework::PodInfoPtr pod);

  // Labels of a namespace; null: it is gone.
  void SetNamespace(const std::string& name, const api::LabelMap* labels);

  // Valid until the next change.
  const framework::Snapshot& Nodes();
  framework::Indexes& indexes() { return indexes_; }

 private:
  void Place(framework::PodInfoPtr pod, const std::string& node_name);
  void AddTo(framework::NodeInfo& info, framework::PodInfoPtr pod);
  void Unplace(framework::NodeInfo& node, const std::string& uid);
  void SetNodeObject(framework::NodeInfo& info, framework::NodePtr node);

  std::map<std::string, framework::NodeInfo> nodes_;
  std::unordered_map<std::string, std::string> node_of_pod_;  // uid -> node
  std::unordered_set<std::string> assumed_;
  std::unordered_map<std::string, std::string> nominated_;  // uid -> node
  framework::Indexes indexes_;
  framework::Snapshot snapshot_;
  bool snapshot_valid_ = false;
  uint64_t generation_ = 0;
};

}  // namespace wherry::scheduler::cache
