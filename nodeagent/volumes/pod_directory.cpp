#include "nodeagent/volumes/pod_directory.h"

#include "lib/linux/file.h"

#include <fcntl.h>

#include <filesystem>

namespace wherry::nodeagent::volumes {

namespace {

namespace fs = std::filesystem;

}  // namespace

Status RemovePodDirectory(const std::string& directory, MountCalls& mounts) {
  const fs::path pod(directory);
  std::error_code error;
  for (const auto& plugin : fs::directory_iterator(pod / "volumes", error)) {
    std::error_code inner;
    for (const auto& volume : fs::directory_iterator(plugin.path(), inner))
      TRY_STATUS(mounts.Unmount(volume.path().string()));
  }
  auto parent = linux::OpenDirectory(AT_FDCWD, pod.parent_path().string());
  if (!parent.ok()) return Ok();
  return linux::RemoveTree(parent->get(), pod.filename().string());
}

Status RemovePodDirectories(const std::string& pods_directory, MountCalls& mounts) {
  std::error_code error;
  for (const auto& pod : fs::directory_iterator(pods_directory, error))
    TRY_STATUS(RemovePodDirectory(pod.path().string(), mounts));
  return Ok();
}

}  // namespace wherry::nodeagent::volumes
