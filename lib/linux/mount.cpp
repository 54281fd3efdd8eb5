#include "lib/linux/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

// glibc's <sys/mount.h> and <linux/mount.h> define the same names; the one old call that is needed
// is declared here.
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;
extern "C" int umount2(const char* target, int flags) noexcept;

namespace wherry::linux {
namespace {

constexpr int kDetach = 2;  // MNT_DETACH

// What the kernel wrote about a failed configuration: "e overlay: ...".
std::string KernelMessage(int context) {
  std::string text;
  std::array<char, 512> line;
  for (;;) {
    ssize_t n = ::read(context, line.data(), line.size());
    if (n <= 0) break;
    text += " (" + std::string(line.data(), static_cast<size_t>(n)) + ")";
  }
  return text;
}

Error ConfigError(int context, int error, const std::string& what) {
  return ErrnoError(error, what + KernelMessage(context));
}

Status Configure(int context, const std::string& type, const MountOption& option) {
  const auto& [key, value] = option;
  long failed =
      value.empty()
          ? ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
          : ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
  if (failed == 0) return Ok();
  return ConfigError(context, errno, "mount " + type + ": option '" + key + "=" + value + "'");
}

Result<Fd> OpenContext(const std::string& type) {
  long context = ::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC);
  if (context < 0) return ErrnoError(errno, "fsopen '" + type + "'");
  return Fd(static_cast<int>(context));
}

Result<Fd> Finish(int context, const std::string& type, uint64_t attributes) {
  if (::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return ConfigError(context, errno, "mount " + type);
  }
  long mount = ::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  if (mount < 0) return ErrnoError(errno, "fsmount " + type);
  return Fd(static_cast<int>(mount));
}

std::string SelfFd(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Linux < 6.6 knows no "lowerdir+" and takes at most 255 bytes per value, so the option string goes
// through mount(2), and a copy of the result is kept.
Result<Fd> MakeOverlayWithMount2(const OverlayLayers& layers, bool volatile_upper,
                                 const std::string& scratch) {
  std::string options = "lowerdir=";
  for (size_t i = 0; i < layers.lower.size(); ++i) {
    options += (i == 0 ? "" : ":") + SelfFd(layers.lower[i]);
  }
  if (layers.upper >= 0) {
    options += ",upperdir=" + SelfFd(layers.upper) + ",workdir=" + SelfFd(layers.work);
    if (volatile_upper) options += ",volatile";
  }
  if (::mount("overlay", scratch.c_str(), "overlay", 0, options.c_str()) != 0) {
    return ErrnoError(errno, "mount overlay '" + options + "'");
  }
  auto copy = CloneMount(AT_FDCWD, scratch, false);
  if (::umount2(scratch.c_str(), kDetach) != 0) {
    return ErrnoError(errno, "unmount '" + scratch + "'");
  }
  return copy;
}

}  // namespace

Result<Fd> MakeMount(const std::string& type, const std::vector<MountOption>& options,
                     uint64_t attributes) {
  TRY(Fd context, OpenContext(type));
  for (const MountOption& option : options) {
    TRY_STATUS(Configure(context.get(), type, option));
  }
  return Finish(context.get(), type, attributes);
}

Result<Fd> CloneMount(int dir, const std::string& path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) |
                   (path.empty() ? AT_EMPTY_PATH : 0u);
  long tree = ::syscall(SYS_open_tree, dir, path.c_str(), flags);
  if (tree < 0) return ErrnoError(errno, "clone mount '" + path + "'");
  Fd fd(static_cast<int>(tree));
  mount_attr attr{};
  attr.propagation = 1u << 18;  // MS_PRIVATE
  unsigned scope = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, fd.get(), "", scope, &attr, sizeof attr) != 0) {
    return ErrnoError(errno, "make '" + path + "' private");
  }
  return fd;
}

Status SetMountAttributes(int mount, uint64_t set, uint64_t clear, bool recursive) {
  return SetMountAttributesAt(mount, "", set, clear, recursive);
}

Status SetMountAttributesAt(int dir, const std::string& path, uint64_t set, uint64_t clear,
                            bool recursive) {
  mount_attr attr{};
  attr.attr_set = set;
  attr.attr_clr = clear;
  unsigned scope = (path.empty() ? AT_EMPTY_PATH : 0u) | (recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, dir, path.c_str(), scope, &attr, sizeof attr) != 0) {
    return ErrnoError(errno, "set mount attributes of '" + path + "'");
  }
  return Ok();
}

Status PlaceMount(int mount, int target) {
  if (::syscall(SYS_move_mount, mount, "", target, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return ErrnoError(errno, "move_mount");
  }
  return Ok();
}

Result<Fd> MakeOverlay(const OverlayLayers& layers, bool volatile_upper,
                       const std::string& scratch) {
  TRY(Fd context, OpenContext("overlay"));
  for (size_t i = 0; i < layers.lower.size(); ++i) {
    auto added = Configure(context.get(), "overlay", {"lowerdir+", SelfFd(layers.lower[i])});
    if (!added.ok()) {
      if (i == 0 && added.error().os_errno == EINVAL) {
        return MakeOverlayWithMount2(layers, volatile_upper, scratch);
      }
      return std::move(added).error();
    }
  }
  if (layers.upper >= 0) {
    TRY_STATUS(Configure(context.get(), "overlay", {"upperdir", SelfFd(layers.upper)}));
    TRY_STATUS(Configure(context.get(), "overlay", {"workdir", SelfFd(layers.work)}));
    if (volatile_upper) TRY_STATUS(Configure(context.get(), "overlay", {"volatile", ""}));
  }
  return Finish(context.get(), "overlay", 0);
}

}  // namespace wherry::linux
