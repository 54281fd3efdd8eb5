#include "nodeagent/init/container_dev.h"

#include "lib/linux/file.h"
#include "lib/linux/mount.h"
#include "nodeagent/init/container_root.h"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::init {
namespace {

using linux::Fd;

struct CharacterDevice {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr CharacterDevice kDevices[] = {
    {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
    {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};
struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

Status MakeNode(int dev, const std::string& name, mode_t mode, dev_t number) {
  // Must already be true: umask is 0.
  if (::mknodat(dev, name.c_str(), mode, number) == 0 || errno == EEXIST) return Ok();
  return ErrnoError(errno, "make device '/dev/" + name + "'");
}

Status PlaceIn(int dev, const char* name, const Fd& mount) {
  TRY(Fd target, linux::OpenDirectory(dev, name));
  auto placed = linux::PlaceMount(mount.get(), target.get());
  if (!placed.ok()) return std::move(placed).error().Wrap(std::string("mount '/dev/") + name + "'");
  return Ok();
}

}  // namespace

Result<Fd> MakeContainerDev(const ContainerSpec& spec) {
  TRY(Fd dev, linux::MakeMount("tmpfs", {{"mode", "755"}, {"size", "65536k"}},
                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME));
  mode_t old_mask = ::umask(0);
  Status status = Ok();
  auto step = [&](Status result) {
    if (status.ok() && !result.ok()) status = std::move(result);
  };
  for (const auto& [name, major, minor] : kDevices) {
    step(MakeNode(dev.get(), name, S_IFCHR | 0666, makedev(major, minor)));
  }
  for (const DeviceNode& node : spec.devices) {
    size_t slash = node.path.find_last_of('/');
    if (slash != std::string::npos) {
      step(linux::MakeDirs(dev.get(), node.path.substr(0, slash), 0755));
    }
    step(MakeNode(dev.get(), node.path, node.mode, node.number));
    if (::fchownat(dev.get(), node.path.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      step(ErrnoError(errno, "change the owner of '/dev/" + node.path + "'"));
    }
  }
  ::umask(old_mask);
  for (const auto& [name, target] : kLinks) {
    if (::symlinkat(target, dev.get(), name) != 0 && errno != EEXIST) {
      step(ErrnoError(errno, std::string("make link '/dev/") + name + "'"));
    }
  }
  for (const char* directory : {"pts", "mqueue", "shm"}) {
    if (::mkdirat(dev.get(), directory, 0755) != 0 && errno != EEXIST) {
      step(ErrnoError(errno, std::string("make directory '/dev/") + directory + "'"));
    }
  }
  if (!status.ok()) return std::move(status).error();
  return dev;
}

Status PopulateDevMounts(int dev, bool console) {
  TRY(Fd pts, linux::MakeMount("devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}},
                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  TRY_STATUS(PlaceIn(dev, "pts", pts));
  TRY(Fd mqueue,
      linux::MakeMount("mqueue", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  TRY_STATUS(PlaceIn(dev, "mqueue", mqueue));
  TRY(Fd shm, linux::CloneMount(AT_FDCWD, kPodShm, false));
  TRY_STATUS(PlaceIn(dev, "shm", shm));
  if (!console) return Ok();
  // /dev/console is an empty file on which the terminal is mounted once it is open.
  TRY(Fd file, linux::OpenAt(dev, "console", O_WRONLY | O_CREAT | O_EXCL, 0600));
  return Ok();
}

}  // namespace wherry::nodeagent::init
