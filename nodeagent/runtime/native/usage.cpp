#include "lib/telemetry/log.h"
#include "nodeagent/runtime/native/implementation.h"

namespace wherry::nodeagent::runtime::native {

namespace {

const telemetry::Logger kLog("runtime");

struct Wanted {
  SandboxRecord sandbox;
  std::vector<PodResources::Running> containers;
  bool with_disk = false;
};

}  // namespace

Task<std::vector<PodUsage>> Implementation::ListPodUsage(std::set<PodUid> disk_of) {
  std::vector<Wanted> wanted;
  for (const auto& [uid, pod] : pods_) {
    if (pod->state != SandboxState::kReady) continue;
    Wanted one{.sandbox = pod->record, .with_disk = disk_of.contains(uid)};
    for (const NativePod::Container& container : pod->containers) {
      if (container.status.state != ContainerState::kRunning) continue;
      one.containers.push_back({.created = container.created,
                                .started_at = container.status.started_at,
                                .pid = container.status.pid});
    }
    wanted.push_back(std::move(one));
  }
  auto job = [resources = resources_, wanted = std::move(wanted)] {
    std::vector<PodUsage> usages;
    for (const Wanted& pod : wanted) {
      auto usage = resources->Usage(pod.sandbox, pod.containers, pod.with_disk);
      if (usage.ok()) {
        usages.push_back(std::move(*usage));
      } else if (usage.error().reason != Reason::kNotFound) {
        kLog.Warn("a pod was not measured",
                  {{"uid", pod.sandbox.config.uid}, {"error", usage.error().message}});
      }
    }
    return usages;
  };
  auto measuring = Run(std::move(job));
  std::vector<PodUsage> usages = co_await std::move(measuring);
  co_return usages;
}

}  // namespace wherry::nodeagent::runtime::native
