#pragma once

#include "controllers/deployment/replica_sets.h"
#include "controllers/objects/types.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What the deployment controller does about one deployment: a pure function from what it sees to
// what it writes. Nothing here waits or fails.
namespace wherry::controllers::deployment {

struct State {
  const appsv1::Deployment& deployment;
  std::vector<ReplicaSetPtr> replica_sets;  // those it controls
  // Recreate only: pods controlled by those sets, the new one's included.
  std::vector<PodPtr> pods;
  WallTime now;
};

struct Event {
  std::string type;  // "Normal", "Warning"
  std::string reason;
  std::string message;
};

// To be carried out in the order of the members; the first failure ends the round, and the next
// round sees what has become of it.
struct Actions {
  // Rollback only, and then alone: the deployment to write back.
  std::shared_ptr<appsv1::Deployment> update;

  struct Write {
    Draft replica_set;
    std::string event;  // the message of a ScalingReplicaSet event once it is written; may be empty
  };
  std::optional<Write> create;
  std::vector<Write> updates;
  std::vector<Draft> deletes;
  // The deployment with a new status (and revision annotation); null when nothing changed.
  std::shared_ptr<appsv1::Deployment> update_status;
  std::vector<Event> events;
  // Look again after this long, should nothing happen before.
  std::optional<std::chrono::nanoseconds> check_after;
};

Actions Reconcile(const State& state);

// Creating the new replica set failed: the status that says so, null when it may say nothing.
std::shared_ptr<appsv1::Deployment> WithCreateError(const appsv1::Deployment& deployment,
                                                    const std::string& message, WallTime now);
// Another object holds the new replica set's name: the status that makes the next hash differ.
std::shared_ptr<appsv1::Deployment> WithCollision(const appsv1::Deployment& deployment);

}  // namespace wherry::controllers::deployment
