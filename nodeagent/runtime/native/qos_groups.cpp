#include "nodeagent/runtime/native/qos_groups.h"

#include <unistd.h>

namespace wherry::nodeagent::runtime::native {

Result<std::unique_ptr<QosGroups>> QosGroups::Open(const linux::CgroupHierarchy& hierarchy,
                                                   const std::string& path) {
  TRY(linux::Cgroup all, hierarchy.Create(path, true));
  TRY_STATUS(all.SetCpuRequest(int64_t{::sysconf(_SC_NPROCESSORS_ONLN)} * 1000));
  TRY(linux::Cgroup best_effort, hierarchy.Create(path + "/besteffort", true));
  TRY_STATUS(best_effort.SetCpuRequest(0));
  TRY(linux::Cgroup burstable, hierarchy.Create(path + "/burstable", true));
  TRY_STATUS(burstable.SetCpuRequest(0));
  return std::unique_ptr<QosGroups>(new QosGroups(path, std::move(burstable)));
}

std::string QosGroups::PathOf(const SandboxConfig& config) const {
  std::string path = path_ + "/";
  if (config.qos_class == "Burstable") path += "burstable/";
  if (config.qos_class == "BestEffort") path += "besteffort/";
  return path + "pod" + config.uid;
}

Status QosGroups::Add(const SandboxConfig& config) {
  if (config.qos_class != "Burstable") return Ok();
  std::lock_guard lock(mutex_);
  requests_milli_[config.uid] = config.resources.cpu_shares_milli;
  return Apply();
}

Status QosGroups::Remove(const PodUid& uid) {
  std::lock_guard lock(mutex_);
  return requests_milli_.erase(uid) == 0 ? Ok() : Apply();
}

Status QosGroups::Apply() {
  int64_t sum = 0;
  for (const auto& [uid, milli] : requests_milli_) sum += milli;
  if (sum == applied_milli_) return Ok();
  TRY_STATUS(burstable_.SetCpuRequest(sum));
  applied_milli_ = sum;
  return Ok();
}

}  // namespace wherry::nodeagent::runtime::native
