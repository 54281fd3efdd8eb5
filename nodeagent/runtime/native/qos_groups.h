#pragma once

#include "lib/base/result.h"
#include "lib/linux/cgroup.h"
#include "nodeagent/runtime/runtime.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace wherry::nodeagent::runtime::native {

// The groups that pods of one quality of service share: kubepods, which has Guaranteed pods in it,
// kubepods/burstable and kubepods/besteffort. BestEffort pods together get what nobody else wants,
// Burstable pods together what they asked for, all pods what the machine has.
//
// Blocking; any thread. The lock is held while a few bytes are written to a cgroup file.
// Source: kubelet cm/qos_container_manager_linux.go.
class QosGroups {
 public:
  // Makes the groups at and below `path`, which ends in "kubepods".
  static Result<std::unique_ptr<QosGroups>> Open(const linux::CgroupHierarchy& hierarchy,
                                                 const std::string& path);

  // Where the pod's group is.
  std::string PathOf(const SandboxConfig& config) const;
  // Counts a pod's requests from now on. Again is fine.
  Status Add(const SandboxConfig& config);
  // Gone already is fine.
  Status Remove(const PodUid& uid);

 private:
  QosGroups(std::string path, linux::Cgroup burstable)
      : path_(std::move(path)), burstable_(std::move(burstable)) {}
  // Under the lock.
  Status Apply();

  const std::string path_;
  std::mutex mutex_;
  linux::Cgroup burstable_;
  std::map<PodUid, int64_t> requests_milli_;  // of Burstable pods
  int64_t applied_milli_ = 0;
};

}  // namespace wherry::nodeagent::runtime::native
