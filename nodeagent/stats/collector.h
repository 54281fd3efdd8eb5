#pragma once

#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/lifecycle/machine_info.h"
#include "nodeagent/lifecycle/node_config.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/runtime/runtime.h"
#include "nodeagent/stats/pod_disk.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::nodeagent::stats {

// What the node and its pods used at one moment. Rates are billionths of a core, absent until there
// are two measurements at least a second apart.
struct PodSample {
  std::shared_ptr<const lifecycle::Pod> pod;
  runtime::PodUsage usage;
  std::optional<uint64_t> cpu_nano_cores;
  std::map<std::string, uint64_t> container_nano_cores;  // by container id
  std::optional<PodDiskUsage> disk;
};
struct Sample {
  WallTime time;
  lifecycle::MachineUsage machine;
  std::optional<uint64_t> cpu_nano_cores;
  std::vector<PodSample> pods;  // with a sandbox
};

// Measures, and remembers what was measured last for the rates. Loop thread; files are read on
// Blocking.
class Collector {
 public:
  // `machine` is called on Blocking.
  Collector(World& world, runtime::Runtime& runtime, const lifecycle::NodeConfig& node,
            std::function<lifecycle::MachineUsage()> machine);

  // Of these pods. What the pods with the uids `disk_of` have written is walked as well.
  Task<Sample> Collect(std::vector<std::shared_ptr<const lifecycle::Pod>> pods,
                       std::set<std::string> disk_of);

 private:
  struct Counted {
    WallTime time;
    uint64_t cpu_ns = 0;
    std::optional<uint64_t> nano_cores;
  };
  // The rate of the group `key`, whose counter is `cpu_ns` now.
  std::optional<uint64_t> Rate(const std::string& key, WallTime now, uint64_t cpu_ns);

  World& world_;
  runtime::Runtime& runtime_;
  const lifecycle::NodeConfig& node_;
  std::function<lifecycle::MachineUsage()> machine_;
  std::map<std::string, Counted> counted_;
};

}  // namespace wherry::nodeagent::stats
