#pragma once

#include "lib/client/api_client.h"
#include "lib/client/event_recorder.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "scheduler/framework/node_info.h"

#include <map>
#include <string>

namespace wherry::scheduler {

// Says why pods found no node: an event for each attempt, and the pod's condition PodScheduled when
// it does not say so already. A condition that stays False keeps its lastTransitionTime.
//
// At most kUnderWayMax conditions are being written at once; of those that wait only the last one
// of each pod is kept. What cannot be written is logged: the next attempt reports again.
// Loop thread. World, client and recorder outlive it.
class Reporter {
 public:
  static constexpr size_t kUnderWayMax = 8;

  Reporter(World& world, client::ApiClient& client, client::EventRecorder& recorder);

  // `pod` as it is known now: its conditions are compared with.
  void Unschedulable(framework::PodInfoPtr pod, std::string message);
  // The pod has a node, or is gone: what waits to be written about it is out of date.
  void Drop(const std::string& uid) { waiting_.erase(uid); }

 private:
  struct Report {
    framework::PodInfoPtr pod;
    std::string message;
  };
  Task<void> WriteAll();
  Task<void> Write(Report report);

  World& world_;
  client::ApiClient& client_;
  client::EventRecorder& recorder_;
  std::map<std::string, Report> waiting_;  // by uid
  size_t under_way_ = 0;
  TaskScope scope_;  // last: its tasks use everything above
};

}  // namespace wherry::scheduler
