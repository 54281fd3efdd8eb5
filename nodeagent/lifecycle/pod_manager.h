#pragma once

#include "lib/client/informer.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/admission.h"
#include "nodeagent/lifecycle/pod_worker.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// The pods of this node: one worker per uid, fed by the informer of pods bound here and by the
// runtime's events. Loop thread.
//
// Nothing is stopped before the API server has been heard: pods that run at the start are left
// alone until the first list, then adopted by their workers, or ended when the list does not have
// them.
class PodManager {
 public:
  PodManager(WorkerContext& context, client::Informer& pods, std::function<NodeFacts()> node_facts);
  ~PodManager();

  // `survivors` is what Runtime::Recover found. Once, before the informer starts.
  void Start(std::vector<runtime::SandboxStatus> survivors);
  // The informer has synced: admits the pods of the first list, those that run first and the others
  // by age, so that a node that has become too small refuses the newest; ends what the API does not
  // know.
  void Synced();
  void ContainerEvent(const runtime::ContainerEvent& event);
  // Every worker looks again (the network became ready).
  void WakeAll();
  void WakePod(const std::string& uid);

  std::vector<std::shared_ptr<const Pod>> Pods() const;
  std::shared_ptr<const Pod> Find(const std::string& ns, const std::string& name) const;
  PodWorker* Worker(const std::string& uid);

 private:
  void PodChanged(std::shared_ptr<const Pod> pod);
  void PodGone(const Pod& pod);
  void AdmitFirstList();
  Task<void> EndOrphan(runtime::SandboxStatus sandbox);
  Task<void> StopContainers(runtime::SandboxStatus sandbox);
  Task<void> RemoveLogs(std::string name);
  Task<void> RemoveLeftDirectories();

  WorkerContext& context_;
  client::Informer& pods_;
  std::function<NodeFacts()> node_facts_;
  std::map<std::string, std::unique_ptr<PodWorker>> workers_;     // by uid
  std::map<std::string, runtime::SandboxStatus> survivors_;       // by uid, until the first list
  std::map<std::string, std::shared_ptr<const Pod>> first_list_;  // by uid, until it is complete
  bool synced_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  TaskScope tasks_;
};

}  // namespace wherry::nodeagent::lifecycle
