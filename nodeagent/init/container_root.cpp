#include "nodeagent/init/container_root.h"

#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "nodeagent/init/container_dev.h"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;
using linux::MountOption;

constexpr uint64_t kNoAnything = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

Status PlaceAt(int root, const std::string& path, const Fd& mount) {
  TRY(Fd target, linux::MakeDirsInRoot(root, path, 0755));
  auto placed = linux::PlaceMount(mount.get(), target.get());
  if (!placed.ok()) return std::move(placed).error().Wrap("mount '" + path + "'");
  return Ok();
}

Status MountNew(int root, const std::string& path, const std::string& type,
                const std::vector<MountOption>& options, uint64_t attributes) {
  TRY(Fd mount, linux::MakeMount(type, options, attributes));
  return PlaceAt(root, path, mount);
}

// Must already be true: /sys is there; the process is in its own cgroup namespace, so that the
// mounts show nothing above the container.
Status MountCgroups(int root, const ContainerSpec& spec) {
  uint64_t attributes = kNoAnything | (spec.privileged ? 0 : MOUNT_ATTR_RDONLY);
  const std::string base = "/sys/fs/cgroup";
  if (spec.cgroup_mounts.empty()) return Ok();
  if (spec.cgroup_mounts.front().first.empty()) {
    return MountNew(root, base, "cgroup2", {}, attributes);
  }
  TRY(Fd directory, linux::MakeMount("tmpfs", {{"mode", "755"}, {"size", "64k"}}, kNoAnything));
  for (const auto& [name, controllers] : spec.cgroup_mounts) {
    if (::mkdirat(directory.get(), name.c_str(), 0755) != 0) {
      return ErrnoError(errno, "make directory '" + name + "'");
    }
  }
  TRY_STATUS(PlaceAt(root, base, directory));
  for (const auto& [name, controllers] : spec.cgroup_mounts) {
    std::vector<MountOption> options;
    for (size_t begin = 0; begin < controllers.size();) {
      size_t end = std::min(controllers.find(',', begin), controllers.size());
      options.emplace_back(controllers.substr(begin, end - begin), "");
      begin = end + 1;
    }
    TRY(Fd mount,
        linux::MakeMount(controllers.empty() ? "cgroup2" : "cgroup", options, attributes));
    TRY(Fd target, linux::OpenDirectory(directory.get(), name));
    TRY_STATUS(linux::PlaceMount(mount.get(), target.get()));
  }
  if (spec.privileged) return Ok();
  return linux::SetMountAttributes(directory.get(), MOUNT_ATTR_RDONLY, 0, false);
}

Result<Fd> MakeFileInRoot(int root, const std::string& path) {
  auto existing = linux::OpenInRoot(root, path, O_PATH);
  if (existing.ok() || existing.error().os_errno != ENOENT) return existing;
  size_t slash = path.find_last_of('/');
  TRY(Fd parent, linux::MakeDirsInRoot(root, slash == 0 ? "/" : path.substr(0, slash), 0755));
  TRY(Fd made, linux::OpenAt(parent.get(), path.substr(slash + 1),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  return linux::OpenInRoot(root, path, O_PATH);
}

Status PlaceVolumes(int root, const ContainerSpec& spec, const ContainerFiles& files) {
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    const MountTarget& mount = spec.mounts[i];
    auto target = mount.is_directory ? linux::MakeDirsInRoot(root, mount.container_path, 0755)
                                     : MakeFileInRoot(root, mount.container_path);
    if (!target.ok()) {
      return std::move(target).error().Wrap("mount point '" + mount.container_path + "'");
    }
    auto placed = linux::PlaceMount(files.mounts[i].get(), target->get());
    if (!placed.ok()) return std::move(placed).error().Wrap("mount '" + mount.container_path + "'");
  }
  return Ok();
}

// Hides each path that exists: a directory behind an empty read-only file system, anything else
// behind /dev/null.
Status MaskPaths(int root, int dev, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    auto target = linux::OpenInRoot(root, path, O_PATH);
    if (!target.ok()) {
      if (target.error().os_errno == ENOENT || target.error().os_errno == ENOTDIR) continue;
      return std::move(target).error().Wrap("mask '" + path + "'");
    }
    struct stat info{};
    if (::fstat(target->get(), &info) != 0) return ErrnoError(errno, "stat '" + path + "'");
    auto cover = S_ISDIR(info.st_mode) ? linux::MakeMount("tmpfs", {{"size", "0"}, {"mode", "555"}},
                                                          kNoAnything | MOUNT_ATTR_RDONLY)
                                       : linux::CloneMount(dev, "null", false);
    if (!cover.ok()) return std::move(cover).error().Wrap("mask '" + path + "'");
    auto placed = linux::PlaceMount(cover->get(), target->get());
    if (!placed.ok()) return std::move(placed).error().Wrap("mask '" + path + "'");
  }
  return Ok();
}

Status MakePathsReadOnly(int root, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    auto target = linux::OpenInRoot(root, path, O_PATH);
    if (!target.ok()) {
      if (target.error().os_errno == ENOENT || target.error().os_errno == ENOTDIR) continue;
      return std::move(target).error().Wrap("read-only path '" + path + "'");
    }
    auto copy = linux::CloneMount(target->get(), "", true);
    if (!copy.ok()) return std::move(copy).error().Wrap("read-only path '" + path + "'");
    TRY_STATUS(linux::SetMountAttributes(copy->get(), MOUNT_ATTR_RDONLY, 0, true));
    TRY_STATUS(linux::PlaceMount(copy->get(), target->get()));
  }
  return Ok();
}

}  // namespace

Status EnterContainerRoot(const ContainerSpec& spec, const ContainerFiles& files) {
  int root = files.root.get();
  TRY(Fd place, linux::OpenDirectory(AT_FDCWD, kNewRoot));
  TRY_STATUS(linux::PlaceMount(root, place.get()));

  TRY_STATUS(MountNew(root, "/proc", "proc", {}, kNoAnything));
  TRY(Fd dev, MakeContainerDev(spec));
  TRY_STATUS(PlaceAt(root, "/dev", dev));
  TRY_STATUS(PopulateDevMounts(dev.get(), spec.tty));
  TRY_STATUS(
      MountNew(root, "/sys", "sysfs", {}, kNoAnything | (spec.privileged ? 0 : MOUNT_ATTR_RDONLY)));
  TRY_STATUS(MountCgroups(root, spec));

  TRY_STATUS(PlaceVolumes(root, spec, files));
  TRY_STATUS(MakePathsReadOnly(root, spec.readonly_paths));
  TRY_STATUS(MaskPaths(root, dev.get(), spec.masked_paths));
  if (spec.read_only_root) {
    TRY_STATUS(linux::SetMountAttributes(root, MOUNT_ATTR_RDONLY, 0, false));
  }

  // The new root covers the supervisor's empty one, which holds nothing worth hiding, and becomes
  // this process' root. pivot_root and an unmount would end the same way, but each unmount waits
  // for all processors (synchronize_rcu_expedited), milliseconds on a busy node.
  TRY(Fd old_root, linux::OpenDirectory(AT_FDCWD, "/"));
  TRY_STATUS(linux::PlaceMount(root, old_root.get()));
  if (::fchdir(root) != 0) return ErrnoError(errno, "enter the new root");
  if (::chroot(".") != 0) return ErrnoError(errno, "chroot");
  return Ok();
}

}  // namespace wherry::nodeagent::init
