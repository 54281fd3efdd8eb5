#pragma once

#include "controllers/nodelifecycle/health.h"
#include "controllers/nodelifecycle/zones.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <map>
#include <string>

namespace wherry::controllers::nodelifecycle {

struct Options {
  // A node that has not been heard of for so long is Unknown. --node-monitor-grace-period
  std::chrono::milliseconds monitor_grace{std::chrono::seconds(40)};
  // One that has never said how it is has longer. --node-startup-grace-period
  std::chrono::milliseconds startup_grace{std::chrono::seconds(60)};
};

// Watches nodes' heartbeats (their Lease and their Ready condition), turns silent ones Unknown, and
// taints nodes by condition. Silence is counted from what this process has seen, so that time
// without a controller, or a wrong clock on a node, harms nobody. Loop thread.
class Controller {
 public:
  Controller(Context context, Options options);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  struct Seen {
    MonotonicTime heartbeat;
    std::string ready;
  };
  Task<Status> Sync(std::string name);
  Task<Status> ApplyTaints(NodePtr node);
  Task<Status> MarkPodsNotReady(std::string node);
  void OnNode(const client::MessagePtr& before, const client::MessagePtr& object);
  void OnLease(const client::MessagePtr& before, const client::MessagePtr& object);
  void EnqueueNotReady();
  TaintPolicy DecideEviction(const corev1::Node& node);

  World& world_;
  client::ApiClient& client_;
  client::Informer& nodes_;
  client::Informer& leases_;
  client::Informer& pods_;
  Options options_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
  std::map<std::string, Seen> seen_;
  std::map<std::string, MonotonicTime> next_eviction_;  // by zone
};

}  // namespace wherry::controllers::nodelifecycle
