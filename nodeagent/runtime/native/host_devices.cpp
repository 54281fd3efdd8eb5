#include "nodeagent/runtime/native/host_devices.h"

#include "lib/linux/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>

namespace wherry::nodeagent::runtime::native {
namespace {

constexpr auto kOwn = std::to_array<std::string_view>(
    {"pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"});
constexpr int kDepthMax = 8;

Status List(int directory, const std::string& prefix, int depth,
            std::vector<init::DeviceNode>& devices) {
  return linux::ForEachEntry(directory, ".", [&](const std::string& name, unsigned char) -> Status {
    if (std::ranges::find(kOwn, name) != kOwn.end()) return Ok();
    struct stat info{};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Ok();
    if (S_ISDIR(info.st_mode) && depth < kDepthMax) {
      auto child = linux::OpenAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      return child.ok() ? List(child->get(), prefix + name + "/", depth + 1, devices) : Ok();
    }
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) return Ok();
    devices.push_back(init::DeviceNode{.path = prefix + name,
                                       .mode = info.st_mode,
                                       .number = info.st_rdev,
                                       .uid = info.st_uid,
                                       .gid = info.st_gid});
    return Ok();
  });
}

}  // namespace

Result<std::vector<init::DeviceNode>> ListHostDevices() {
  std::vector<init::DeviceNode> devices;
  TRY(linux::Fd dev, linux::OpenAt(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY));
  TRY_STATUS(List(dev.get(), "", 0, devices));
  return devices;
}

}  // namespace wherry::nodeagent::runtime::native
