#include "lib/linux/file.h"
#include "lib/linux/net_dev.h"
#include "nodeagent/runtime/native/pod_resources.h"

#include <fcntl.h>

#include <utility>

namespace wherry::nodeagent::runtime::native {

namespace {

ResourceUsage ToUsage(const linux::CgroupStats& stats) {
  return {.cpu_ns = stats.cpu_usage_ns,
          .memory_usage_bytes = stats.memory_usage_bytes,
          .memory_working_set_bytes = stats.memory_working_set_bytes,
          .memory_rss_bytes = stats.memory_rss_bytes,
          .page_faults = stats.page_faults,
          .major_page_faults = stats.major_page_faults,
          .processes = stats.pids};
}

// As the pod sees its interfaces: through any of its processes.
std::vector<linux::InterfaceCounters> InterfacesOf(int pid) {
  auto text = linux::ReadFile(AT_FDCWD, "/proc/" + std::to_string(pid) + "/net/dev");
  if (!text.ok()) return {};  // it has ended meanwhile
  return linux::ParseNetDev(*text);
}

}  // namespace

Result<PodUsage> PodResources::Usage(const SandboxRecord& sandbox,
                                     const std::vector<Running>& containers, bool with_disk) const {
  PodUsage usage{.uid = sandbox.config.uid};
  TRY(const linux::Cgroup pod, hierarchy_.Open(sandbox.cgroup_path));
  TRY(const PodDirectory directory, PodDirectory::Open(pods_.get(), sandbox.config.uid));
  for (const Running& running : containers) {
    const CreatedRecord& created = running.created;
    auto group = hierarchy_.Open(sandbox.cgroup_path + "/" + created.id);
    if (!group.ok()) continue;  // removed meanwhile, as below
    auto stats = group->Stats();
    if (!stats.ok()) continue;
    ContainerUsage container{.name = created.name,
                             .id = created.id,
                             .started_at = running.started_at,
                             .resources = ToUsage(*stats)};
    if (with_disk) {
      auto disk = directory.WritableLayerUsage(created.name, created.attempt);
      if (disk.ok()) container.writable_layer = *disk;
    }
    usage.containers.push_back(std::move(container));
  }
  // After its containers, so that a pod has never used less than they have.
  TRY(const linux::CgroupStats total, pod.Stats());
  usage.resources = ToUsage(total);
  if (!sandbox.config.host_network && !containers.empty())
    usage.interfaces = InterfacesOf(containers.front().pid);
  return usage;
}

}  // namespace wherry::nodeagent::runtime::native
