#include "nodeagent/stats/pod_disk.h"

#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/volumes/pod_volumes.h"
#include "proto/api/core/v1.pb.h"

#include <fcntl.h>

namespace wherry::nodeagent::stats {

namespace {

std::map<std::string, linux::DiskUsage> Measure(const std::map<std::string, std::string>& paths) {
  std::map<std::string, linux::DiskUsage> usages;
  for (const auto& [name, path] : paths)
    if (auto usage = linux::DiskUsageOf(AT_FDCWD, path); usage.ok()) usages[name] = *usage;
  return usages;
}

}  // namespace

PodDiskPaths DiskPathsOf(const lifecycle::Pod& pod, const lifecycle::NodeConfig& node) {
  PodDiskPaths paths{.uid = pod.metadata().uid()};
  const std::string directory = lifecycle::PodDirectory(node, paths.uid);
  for (const auto& volume : pod.spec().volumes())
    if (volume.volumesource().has_emptydir())
      paths.empty_dirs[volume.name()] = volumes::EmptyDirPath(directory, volume.name());
  const std::string logs = node.logs_directory + "/" + lifecycle::LogDirectoryName(pod) + "/";
  for (const auto* list : {&pod.spec().initcontainers(), &pod.spec().containers()})
    for (const auto& container : *list) paths.logs[container.name()] = logs + container.name();
  return paths;
}

PodDiskUsage MeasureDisk(const PodDiskPaths& paths) {
  return {.empty_dirs = Measure(paths.empty_dirs), .logs = Measure(paths.logs)};
}

}  // namespace wherry::nodeagent::stats
