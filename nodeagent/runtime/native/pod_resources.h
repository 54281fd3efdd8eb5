#pragma once

#include "lib/base/result.h"
#include "lib/linux/cgroup.h"
#include "lib/linux/fd.h"
#include "lib/linux/process.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/runtime/native/container_plan.h"
#include "nodeagent/runtime/native/pod_directory.h"
#include "nodeagent/runtime/native/qos_groups.h"
#include "nodeagent/runtime/native/spare_root.h"
#include "nodeagent/runtime/runtime.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// What the agent itself makes for a pod, outside of its supervisor: directory, cgroups, address.
// Everything here blocks and runs on any thread. The caller makes sure of one call per pod at a
// time, ReleaseSandbox before the next PrepareSandbox; containers of a pod may be prepared side by
// side.
class PodResources {
 public:
  struct Options {
    std::string state_directory;  // made when missing
    std::string cgroup_parent;    // below it is "kubepods"; "" is the root of the hierarchies
    int64_t pod_pids_max = 0;     // of each pod; below 1: no limit
  };
  // `network` may be null: pods then have only a loopback interface.
  static Result<std::unique_ptr<PodResources>> Open(const Options& options,
                                                    const images::ImageStore& store,
                                                    network::PodNetwork* network);
  // Before any call that uses it; what is submitted to Blocking afterwards sees it.
  void SetNetwork(network::PodNetwork& network) { network_ = &network; }

  // Limits of these are not enforced on this machine.
  std::vector<std::string> MissingControllers() const { return hierarchy_.MissingControllers(); }

  struct PreparedSandbox {
    SandboxRecord record;
    init::StartSupervisor request;
    std::vector<linux::Fd> fds;  // as StartSupervisor says
    linux::Fd connection;        // our end of the control socket
  };
  // All or nothing.
  Result<PreparedSandbox> PrepareSandbox(const SandboxConfig& config, WallTime now) const;
  // Kills what is left in the pod's cgroup, removes it and the pod's network interface, and then
  // frees the address. Repeatable.
  Status ReleaseSandbox(const PodUid& uid, const std::string& cgroup_path) const;
  // Forgets the pod: everything on disk, leases included.
  Status RemovePod(const PodUid& uid) const;

  // `spare` may be null; one for another image is an error. It is used up.
  Result<ContainerPlan> PrepareContainer(const SandboxRecord& sandbox,
                                         const ContainerConfig& config,
                                         const CreatedRecord& created,
                                         std::shared_ptr<SpareRoot> spare) const;
  const SpareRoots& spares() const { return spares_; }
  // Takes back what PrepareContainer made; the container is dead or never lived.
  Status ReleaseContainer(const SandboxRecord& sandbox, const CreatedRecord& created) const;

  struct RecoveredPod {
    SandboxRecord record;
    std::vector<CreatedRecord> containers;
    std::vector<std::optional<init::ContainerRecord>> exits;  // same order
    linux::Fd connection;  // to its supervisor; invalid when that is dead
    linux::Pidfd supervisor;
  };
  Result<std::vector<RecoveredPod>> RecoverPods() const;

  // Of the pod and those of its containers that are listed. Errors: kNotFound.
  struct Running {
    CreatedRecord created;
    WallTime started_at;
    int pid = 0;
  };
  Result<PodUsage> Usage(const SandboxRecord& sandbox, const std::vector<Running>& containers,
                         bool with_disk) const;
  // The signal that stops the image's containers.
  int StopSignal(const std::string& image_id) const;

 private:
  PodResources(linux::Fd pods, std::string scratch, const Options& options,
               linux::CgroupHierarchy hierarchy, std::unique_ptr<QosGroups> groups,
               SpareRoots spares, const images::ImageStore& store, network::PodNetwork* network);
  Status FillSandbox(const SandboxConfig& config, PreparedSandbox& prepared) const;
  // What belongs to none of those that are kept.
  Status ReleaseLeases(const std::set<std::string>& kept) const;
  Status ReleaseAddresses(const std::vector<RecoveredPod>& kept) const;

  linux::Fd pods_;
  std::string scratch_;
  Options options_;
  linux::CgroupHierarchy hierarchy_;
  std::unique_ptr<QosGroups> groups_;
  SpareRoots spares_;
  const images::ImageStore& store_;
  network::PodNetwork* network_;
};

}  // namespace wherry::nodeagent::runtime::native
