#include "controllers/garbagecollector/decide.h"

#include "lib/api/kind_registry.h"

#include <algorithm>

namespace wherry::controllers::garbagecollector {

Step NextStep(const Graph& graph, const Uid& uid) {
  Step step;
  const Node* node = graph.Find(uid);
  if (node == nullptr || node->kind == nullptr) return step;
  if (!node->observed) {
    // A reference to a namespaced owner from an object without namespace says nowhere to look.
    const bool nowhere = node->kind->namespaced && node->ns.empty();
    if (!nowhere) step.kind = Step::Kind::kVerify;
  } else if (node->Orphaning()) {
    step.kind = Step::Kind::kOrphan;
    step.targets.assign(node->dependents.begin(), node->dependents.end());
  } else if (node->DeletingDependents()) {
    const auto blocking = graph.BlockingDependents(*node);
    step.kind = blocking.empty() ? Step::Kind::kFinishForeground : Step::Kind::kVisit;
    for (const Node* dependent : blocking) {
      if (!dependent->DeletingDependents()) step.targets.push_back(dependent->uid);
    }
  } else if (!node->being_deleted && !node->owners.empty()) {
    step.kind = Step::Kind::kJudge;
  }
  return step;
}

Verdict Judge(const Graph& graph, const Node& node, const std::vector<std::string>& finalizers,
              const std::vector<Judged>& owners) {
  Verdict verdict;
  if (owners.empty()) return verdict;
  bool solid = false;
  bool waiting = false;
  for (const Judged& judged : owners) {
    solid |= judged.state == OwnerState::kSolid;
    waiting |= judged.state == OwnerState::kWaiting;
    if (judged.state != OwnerState::kSolid) verdict.owners.push_back(judged.owner);
  }
  if (solid) {
    // A waiting owner must not keep waiting for an object that lives on.
    if (!verdict.owners.empty()) verdict.kind = Verdict::Kind::kDropOwners;
    return verdict;
  }
  verdict.owners.clear();
  verdict.kind = Verdict::Kind::kDelete;
  const auto has = [&](const char* finalizer) {
    return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
  };
  if (waiting && !node.dependents.empty()) {
    verdict.policy = "Foreground";
    // In a circle everyone would wait for everyone.
    verdict.unblock =
        std::any_of(node.dependents.begin(), node.dependents.end(), [&](const Uid& uid) {
          const Node* dependent = graph.Find(uid);
          return dependent != nullptr && dependent->DeletingDependents();
        });
  } else if (has("orphan")) {
    verdict.policy = "Orphan";
  } else if (has("foregroundDeletion")) {
    verdict.policy = "Foreground";
  } else {
    verdict.policy = "Background";
  }
  return verdict;
}

}  // namespace wherry::controllers::garbagecollector
