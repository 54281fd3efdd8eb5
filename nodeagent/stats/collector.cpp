#include "nodeagent/stats/collector.h"

#include "lib/loop/blocking.h"
#include "proto/api/core/v1.pb.h"

#include <utility>

namespace wherry::nodeagent::stats {

namespace {

constexpr std::chrono::seconds kWindowMin{1};
// What has not been seen for so long is gone.
constexpr std::chrono::minutes kForgetAfter{5};

}  // namespace

Collector::Collector(World& world, runtime::Runtime& runtime, const lifecycle::NodeConfig& node,
                     std::function<lifecycle::MachineUsage()> machine)
    : world_(world), runtime_(runtime), node_(node), machine_(std::move(machine)) {}

std::optional<uint64_t> Collector::Rate(const std::string& key, WallTime now, uint64_t cpu_ns) {
  auto [entry, is_new] = counted_.try_emplace(key, Counted{.time = now, .cpu_ns = cpu_ns});
  Counted& last = entry->second;
  const auto window = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last.time);
  if (is_new || window < kWindowMin) return last.nano_cores;
  std::optional<uint64_t> rate;  // none when the counter began anew
  if (cpu_ns >= last.cpu_ns)
    rate = static_cast<uint64_t>(static_cast<double>(cpu_ns - last.cpu_ns) * 1e9 /
                                 static_cast<double>(window.count()));
  last = {.time = now, .cpu_ns = cpu_ns, .nano_cores = rate};
  return rate;
}

Task<Sample> Collector::Collect(std::vector<std::shared_ptr<const lifecycle::Pod>> pods,
                                std::set<std::string> disk_of) {
  auto listing = runtime_.ListPodUsage(disk_of);
  std::vector<runtime::PodUsage> usages = co_await std::move(listing);
  Sample sample{.time = world_.clock.Now()};
  std::vector<PodDiskPaths> paths;
  for (const auto& pod : pods) {
    const std::string& uid = pod->metadata().uid();
    for (auto& usage : usages) {
      if (usage.uid != uid) continue;
      PodSample one{.pod = pod, .usage = std::move(usage)};
      one.cpu_nano_cores = Rate(uid, sample.time, one.usage.resources.cpu_ns);
      for (const auto& container : one.usage.containers)
        if (auto rate = Rate(uid + "/" + container.id, sample.time, container.resources.cpu_ns))
          one.container_nano_cores[container.id] = *rate;
      sample.pods.push_back(std::move(one));
      if (disk_of.contains(uid)) paths.push_back(DiskPathsOf(*pod, node_));
      break;
    }
  }
  struct Measured {
    lifecycle::MachineUsage machine;
    std::vector<PodDiskUsage> disks;
  };
  auto job = [machine = machine_, paths = std::move(paths)] {
    Measured measured{.machine = machine()};
    for (const auto& one : paths) measured.disks.push_back(MeasureDisk(one));
    return measured;
  };
  auto measuring = world_.blocking.Run(world_.loop, std::move(job));
  Measured measured = co_await std::move(measuring);
  sample.machine = std::move(measured.machine);
  sample.cpu_nano_cores = Rate("", sample.time, sample.machine.resources.cpu_ns);
  auto disk = measured.disks.begin();
  for (auto& pod : sample.pods)
    if (disk_of.contains(pod.usage.uid)) pod.disk = std::move(*disk++);
  std::erase_if(counted_, [&sample](const auto& entry) {
    return sample.time - entry.second.time > kForgetAfter;
  });
  co_return sample;
}

}  // namespace wherry::nodeagent::stats
