#pragma once

#include "controllers/deployment/reconcile.h"

#include <string>

namespace wherry::controllers::deployment {

// Collects the actions of one round over private copies of the deployment and its replica sets;
// each step sees what the steps before it changed.
class Planner {
 public:
  explicit Planner(const State& state);

  const appsv1::Deployment& deployment() const { return *deployment_; }
  appsv1::Deployment* mutable_deployment() { return deployment_.get(); }
  const Draft& new_set() const { return new_set_; }  // null until found or created
  const Drafts& old_sets() const { return old_sets_; }
  Drafts all_sets() const;

  // Brings the new set's annotations and minReadySeconds, and the deployment's revision, up to
  // date; with `create`, makes the set when it is missing.
  void SyncRevision(bool create);
  // Resizes a set and records the event; false when it has that size already.
  bool Scale(const Draft& set, int32_t size);
  // Spreads spec.replicas over the sets: to the only active one, or in proportion.
  void ScaleProportionally();
  // Removes empty old sets beyond revisionHistoryLimit.
  void CleanUpHistory();
  void AddEvent(std::string type, std::string reason, std::string message);

  int32_t MinAvailable() const;
  int32_t NewSetSize() const;

  // How a round ends: with the counts, also with the rollout's progress, with only the generation,
  // or with the deployment itself.
  void FinishScaling();
  void FinishRollout();
  void FinishObserved();
  void FinishRollback();

  Actions Take() { return std::move(actions_); }

 private:
  void Resize(const Draft& set, int32_t size, std::string_view direction);
  void MarkChanged(const Draft& set, std::string event);
  void WriteStatus(appsv1::DeploymentStatus status);

  const State& state_;
  std::shared_ptr<appsv1::Deployment> deployment_;
  Draft new_set_;
  Drafts old_sets_;
  Actions actions_;
};

}  // namespace wherry::controllers::deployment
