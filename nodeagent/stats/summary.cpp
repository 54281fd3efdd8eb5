#include "nodeagent/stats/summary.h"

#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace wherry::nodeagent::stats {

namespace {

// The interface whose numbers stand for all, as upstream has it.
constexpr std::string_view kMainInterface = "eth0";

std::string TimeText(WallTime time) {
  return api::FormatTime(
      int64_t{std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count()});
}

class Summary {
 public:
  Summary(const Sample& sample, const NodeIdentity& node)
      : sample_(sample), node_(node), time_(TimeText(sample.time)) {}

  json::Value Make() const {
    json::Value summary;
    summary["node"] = Node();
    summary["pods"] = json::Value::array();
    for (const auto& pod : sample_.pods) summary["pods"].push_back(PodStats(pod));
    return summary;
  }

 private:
  json::Value Node() const {
    const lifecycle::MachineUsage& usage = sample_.machine;
    json::Value node;
    node["nodeName"] = node_.name;
    node["startTime"] = TimeText(node_.started_at);
    node["cpu"] = Cpu(usage.resources, sample_.cpu_nano_cores);
    node["memory"] = Memory(usage.resources, node_.machine.memory_bytes);
    node["network"] = Network(usage.interfaces);
    json::Value disk =
        Fs(linux::DiskUsage{.bytes = static_cast<uint64_t>(usage.storage_used_bytes),
                            .inodes = static_cast<uint64_t>(usage.storage_inodes_used)});
    node["runtime"]["imageFs"] = disk;  // one file system holds images and everything else
    node["fs"] = std::move(disk);
    node["rlimit"] = {
        {"time", time_}, {"maxpid", usage.processes_max}, {"curproc", usage.processes}};
    return node;
  }

  json::Value PodStats(const PodSample& pod) const {
    const auto& meta = pod.pod->metadata();
    json::Value entry;
    entry["podRef"] = {
        {"name", meta.name()}, {"namespace", meta.namespace_()}, {"uid", meta.uid()}};
    if (pod.pod->status().has_starttime())
      entry["startTime"] = api::FormatTime(pod.pod->status().starttime().seconds());
    entry["cpu"] = Cpu(pod.usage.resources, pod.cpu_nano_cores);
    entry["memory"] = Memory(pod.usage.resources, 0);
    if (!pod.usage.interfaces.empty()) entry["network"] = Network(pod.usage.interfaces);
    entry["process_stats"]["process_count"] = pod.usage.resources.processes;
    entry["containers"] = json::Value::array();
    for (const auto& container : pod.usage.containers)
      entry["containers"].push_back(Container(pod, container));
    if (pod.disk) {
      entry["ephemeral-storage"] = Fs(EphemeralStorage(pod));
      if (!pod.disk->empty_dirs.empty()) entry["volume"] = Volumes(*pod.disk);
    }
    return entry;
  }

  json::Value Container(const PodSample& pod, const runtime::ContainerUsage& container) const {
    json::Value entry;
    entry["name"] = container.name;
    entry["startTime"] = TimeText(container.started_at);
    auto rate = pod.container_nano_cores.find(container.id);
    entry["cpu"] =
        Cpu(container.resources,
            rate == pod.container_nano_cores.end() ? std::nullopt : std::optional(rate->second));
    entry["memory"] = Memory(container.resources, LimitOf(*pod.pod, container.name));
    if (container.writable_layer) entry["rootfs"] = Fs(*container.writable_layer);
    if (!pod.disk) return entry;
    if (auto logs = pod.disk->logs.find(container.name); logs != pod.disk->logs.end())
      entry["logs"] = Fs(logs->second);
    return entry;
  }

  json::Value Volumes(const PodDiskUsage& disk) const {
    json::Value volumes = json::Value::array();
    for (const auto& [name, usage] : disk.empty_dirs) {
      json::Value volume = Fs(usage);
      volume["name"] = name;
      volumes.push_back(std::move(volume));
    }
    return volumes;
  }

  json::Value Cpu(const runtime::ResourceUsage& usage, std::optional<uint64_t> nano_cores) const {
    json::Value cpu = {{"time", time_}, {"usageCoreNanoSeconds", usage.cpu_ns}};
    if (nano_cores) cpu["usageNanoCores"] = *nano_cores;
    return cpu;
  }

  // With a limit also what is left of it.
  json::Value Memory(const runtime::ResourceUsage& usage, int64_t limit_bytes) const {
    json::Value memory = {{"time", time_},
                          {"usageBytes", usage.memory_usage_bytes},
                          {"workingSetBytes", usage.memory_working_set_bytes},
                          {"rssBytes", usage.memory_rss_bytes},
                          {"pageFaults", usage.page_faults},
                          {"majorPageFaults", usage.major_page_faults}};
    const auto limit = static_cast<uint64_t>(limit_bytes);
    if (limit_bytes > 0)
      memory["availableBytes"] =
          limit > usage.memory_working_set_bytes ? limit - usage.memory_working_set_bytes : 0;
    return memory;
  }

  json::Value Network(const std::vector<linux::InterfaceCounters>& interfaces) const {
    json::Value network = {{"time", time_}, {"name", ""}};
    network["interfaces"] = json::Value::array();
    for (const auto& counters : interfaces) {
      const json::Value entry = {{"name", counters.name},
                                 {"rxBytes", counters.rx_bytes},
                                 {"rxErrors", counters.rx_errors},
                                 {"txBytes", counters.tx_bytes},
                                 {"txErrors", counters.tx_errors}};
      if (counters.name == kMainInterface) network.update(entry);
      network["interfaces"].push_back(entry);
    }
    return network;
  }

  json::Value Fs(const linux::DiskUsage& used) const {
    return {{"time", time_},
            {"availableBytes", sample_.machine.storage_available_bytes},
            {"capacityBytes", node_.machine.storage_bytes},
            {"usedBytes", used.bytes},
            {"inodesFree", sample_.machine.storage_inodes_free},
            {"inodes", node_.machine.storage_inodes},
            {"inodesUsed", used.inodes}};
  }

  static int64_t LimitOf(const lifecycle::Pod& pod, const std::string& container) {
    const lifecycle::Container* spec = lifecycle::FindContainer(pod, container);
    return spec ? lifecycle::ContainerLimit(*spec, "memory") : 0;
  }

  const Sample& sample_;
  const NodeIdentity& node_;
  const std::string time_;
};

}  // namespace

linux::DiskUsage EphemeralStorage(const PodSample& pod) {
  linux::DiskUsage sum;
  auto add = [&sum](const linux::DiskUsage& part) {
    sum.bytes += part.bytes;
    sum.inodes += part.inodes;
  };
  for (const auto& container : pod.usage.containers)
    if (container.writable_layer) add(*container.writable_layer);
  if (!pod.disk) return sum;
  for (const auto& [container, logs] : pod.disk->logs) add(logs);
  for (const auto& volume : pod.pod->spec().volumes()) {
    auto found = pod.disk->empty_dirs.find(volume.name());
    const bool in_memory = volume.volumesource().emptydir().medium() == "Memory";
    if (found != pod.disk->empty_dirs.end() && !in_memory) add(found->second);
  }
  return sum;
}

json::Value MakeSummary(const Sample& sample, const NodeIdentity& node) {
  return Summary(sample, node).Make();
}

}  // namespace wherry::nodeagent::stats
