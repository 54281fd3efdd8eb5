#include "nodeagent/volumes/mount_calls.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

namespace wherry::nodeagent::volumes {

namespace {

class Kernel : public MountCalls {
 public:
  Result<bool> MountTmpfs(const std::string& path, int64_t size_bytes) override {
    if (IsMountPoint(path)) return false;
    std::string options = "mode=0777";
    if (size_bytes > 0) options += ",size=" + std::to_string(size_bytes);
    if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
      return ErrnoError(errno, "mount tmpfs on '" + path + "'");
    return true;
  }

  Status Unmount(const std::string& path) override {
    while (IsMountPoint(path)) {
      if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        return ErrnoError(errno, "unmount '" + path + "'");
    }
    return Ok();
  }

 private:
  // A volume's directory and its parent are on one file system unless something is mounted there.
  static bool IsMountPoint(const std::string& path) {
    struct stat self{};
    struct stat parent{};
    if (::lstat(path.c_str(), &self) != 0 || ::stat((path + "/..").c_str(), &parent) != 0)
      return false;
    return S_ISDIR(self.st_mode) && self.st_dev != parent.st_dev;
  }
};

class None : public MountCalls {
 public:
  Result<bool> MountTmpfs(const std::string& /*path*/, int64_t /*size_bytes*/) override {
    return false;
  }
  Status Unmount(const std::string& /*path*/) override { return Ok(); }
};

}  // namespace

std::unique_ptr<MountCalls> KernelMountCalls() { return std::make_unique<Kernel>(); }
std::unique_ptr<MountCalls> NoMountCalls() { return std::make_unique<None>(); }

}  // namespace wherry::nodeagent::volumes
