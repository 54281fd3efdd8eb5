#include "nodeagent/init/container_files.h"

namespace wherry::nodeagent::init {

Result<ContainerFiles> TakeContainerFiles(const ContainerSpec& spec, std::vector<linux::Fd> fds) {
  size_t expected = 2 + (spec.has_unified ? 1u : 0u) + spec.tasks_count +
                    (spec.has_oom_events ? 1u : 0u) + spec.mounts.size();
  if (fds.size() != expected) {
    return MakeError(Reason::kBadRequest, "start container '" + spec.name +
                                              "': " + std::to_string(fds.size()) +
                                              " descriptors, not " + std::to_string(expected));
  }
  size_t next = 0;
  ContainerFiles files;
  files.root = std::move(fds[next++]);
  files.log_directory = std::move(fds[next++]);
  if (spec.has_unified) files.unified = std::move(fds[next++]);
  for (uint64_t i = 0; i < spec.tasks_count; ++i) files.tasks.push_back(std::move(fds[next++]));
  if (spec.has_oom_events) files.oom_events = std::move(fds[next++]);
  while (next < fds.size()) files.mounts.push_back(std::move(fds[next++]));
  return files;
}

}  // namespace wherry::nodeagent::init
