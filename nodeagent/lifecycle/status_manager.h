#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/pod_facts.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace wherry::nodeagent::lifecycle {

// Brings pod statuses to the API server: the newest one wins, one PATCH per pod at a time, retried
// for ever (an unreachable server harms nothing). Conditions of other owners are left alone. A
// pod that is deleted and finished is removed from the API (grace 0, uid as precondition).
//
// A status that only says "still being created" waits up to 10 ms for a better one; all others are
// sent in this turn of the loop. Loop thread. Source: kubelet status_manager.go.
class StatusManager {
 public:
  StatusManager(World& world, client::ApiClient& client);
  ~StatusManager();

  // `finished`: nothing of the pod is left on the node. Calls for one pod come with the newest pod.
  void SetPodStatus(std::shared_ptr<const Pod> pod, const PodStatus& status, bool finished);
  // The API object has changed: deletes it when it is deleted and finished, and writes the status
  // again when somebody else has changed what the node owns.
  void PodChanged(std::shared_ptr<const Pod> pod);
  // The API object is gone.
  void Forget(const std::string& uid);
  // What was last set; null before.
  const PodStatus* Find(const std::string& uid) const;

 private:
  struct Entry;
  Task<void> Write(std::string uid);
  void Kick(const std::string& uid, Entry* entry);
  Task<Status> Send(std::shared_ptr<const Pod> pod, std::string patch,
                    std::string* written_version);

  World& world_;
  client::ApiClient& client_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  TaskScope writers_;
};

// The strategic merge patch that makes pod.status read as `status`. Pure.
std::string StatusPatch(const Pod& pod, const PodStatus& status);

}  // namespace wherry::nodeagent::lifecycle
