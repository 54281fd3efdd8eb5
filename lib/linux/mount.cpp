#include "lib/linux/mount.h"

#include "lib/linux/file.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>

// glibc's <sys/mount.h> and <linux/mount.h> define the same names; the one old call that is needed
// is declared here.
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;
extern "C" int umount2(const char* target, int flags) noexcept;

namespace wherry::linux {
namespace {

constexpr int kDetach = 2;                  // MNT_DETACH
constexpr uint64_t kPrivate = 1u << 18;     // MS_PRIVATE
constexpr uint64_t kSlave = 1u << 19;       // MS_SLAVE
constexpr size_t kOptionalFieldsBegin = 6;  // of a line of mountinfo, proc(5)

// The optional fields of the mount that `path` is on: "shared:2 master:1".
Result<std::string> PeerGroupsOf(int dir, const std::string& path) {
  struct statx info{};
  const int flags = AT_NO_AUTOMOUNT | (path.empty() ? AT_EMPTY_PATH : 0);
  if (::statx(dir, path.c_str(), flags, STATX_MNT_ID, &info) != 0)
    return ErrnoError(errno, "look at '" + path + "'");
  TRY(const std::string mounts, ReadFile(AT_FDCWD, "/proc/thread-self/mountinfo"));
  std::istringstream lines(mounts);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != std::to_string(info.stx_mnt_id)) continue;
    for (size_t i = 1; i < kOptionalFieldsBegin; ++i) words >> word;
    std::string groups;
    while (words >> word && word != "-") groups += word + " ";
    return groups;
  }
  return MakeError(Reason::kNotFound, "the mount of '" + path + "' is not listed");
}

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

// Before Linux 6.5 overlayfs took its options as one string when the instance was created: a
// context swallows anything until then, an option that does not exist as well. 6.5 to 6.7 refuse
// "lowerdir+" at once. (fs/overlayfs/params.c; legacy_parse_param in fs/fs_context.c)
bool OverlayTakesLayersOneByOne() {
  auto known = [](const char* key) {
    auto context = OpenContext("overlay");
    return context.ok() && Configure(context->get(), "overlay", {key, "/"}).ok();
  };
  return !known("wherry") && known("lowerdir+");
}

Status ClearScratchEntry(const std::string& place) {
  // EINVAL: nothing is mounted there.
  while (::umount2(place.c_str(), kDetach) == 0) {
  }
  if (errno != EINVAL) return ErrnoError(errno, "unmount '" + place + "'");
  if (::rmdir(place.c_str()) != 0) return ErrnoError(errno, "remove '" + place + "'");
  return Ok();
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

Result<Fd> CloneMount(int dir, const std::string& path, bool recursive, Propagation propagation) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) |
                   (path.empty() ? AT_EMPTY_PATH : 0u);
  if (propagation != Propagation::kPrivate) {
    TRY(const std::string groups, PeerGroupsOf(dir, path));
    const bool shared = groups.find("shared:") != std::string::npos;
    const bool slave = groups.find("master:") != std::string::npos;
    if (!shared && (propagation == Propagation::kShared || !slave)) {
      return MakeError(Reason::kInvalid, propagation == Propagation::kShared
                                             ? "it is not on a shared mount"
                                             : "it is not on a shared or slave mount");
    }
  }
  long tree = ::syscall(SYS_open_tree, dir, path.c_str(), flags);
  if (tree < 0) return ErrnoError(errno, "clone mount '" + path + "'");
  Fd fd(static_cast<int>(tree));
  // The copy of a shared mount is its peer already.
  if (propagation == Propagation::kShared) return fd;
  mount_attr attr{};
  attr.propagation = propagation == Propagation::kSlave ? kSlave : kPrivate;
  unsigned scope = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, fd.get(), "", scope, &attr, sizeof attr) != 0) {
    return ErrnoError(errno, "set the propagation of '" + path + "'");
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
  static const bool one_by_one = OverlayTakesLayersOneByOne();
  if (!one_by_one) return MakeOverlayByPath(layers, volatile_upper, scratch);
  TRY(Fd context, OpenContext("overlay"));
  for (int lower : layers.lower) {
    TRY_STATUS(Configure(context.get(), "overlay", {"lowerdir+", SelfFd(lower)}));
  }
  if (layers.upper >= 0) {
    TRY_STATUS(Configure(context.get(), "overlay", {"upperdir", SelfFd(layers.upper)}));
    TRY_STATUS(Configure(context.get(), "overlay", {"workdir", SelfFd(layers.work)}));
    if (volatile_upper) TRY_STATUS(Configure(context.get(), "overlay", {"volatile", ""}));
  }
  return Finish(context.get(), "overlay", 0);
}

Result<Fd> MakeOverlayByPath(const OverlayLayers& layers, bool volatile_upper,
                             const std::string& scratch) {
  std::string options = "lowerdir=";
  for (size_t i = 0; i < layers.lower.size(); ++i) {
    options += (i == 0 ? "" : ":") + SelfFd(layers.lower[i]);
  }
  if (layers.upper >= 0) {
    options += ",upperdir=" + SelfFd(layers.upper) + ",workdir=" + SelfFd(layers.work);
    if (volatile_upper) options += ",volatile";
  }
  // A directory of its own for each call: two threads that mount at one place would get each
  // other's overlay.
  std::string place = scratch + "/overlay-XXXXXX";
  if (::mkdtemp(place.data()) == nullptr) return ErrnoError(errno, "make '" + place + "'");
  Result<Fd> copy = [&]() -> Result<Fd> {
    if (::mount("overlay", place.c_str(), "overlay", 0, options.c_str()) != 0) {
      return ErrnoError(errno, "mount overlay '" + options + "'");
    }
    return CloneMount(AT_FDCWD, place, false);
  }();
  TRY_STATUS(ClearScratchEntry(place));
  return copy;
}

Status ClearScratch(const std::string& scratch) {
  return ForEachEntry(AT_FDCWD, scratch, [&](const std::string& name, unsigned char) {
    return ClearScratchEntry(scratch + "/" + name);
  });
}

}  // namespace wherry::linux
