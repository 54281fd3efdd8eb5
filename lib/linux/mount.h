#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// The mount API of Linux 5.2 and later, by descriptors. Blocking; any thread unless said.
// Source: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2).
namespace wherry::linux {

// An option of a file system: {"size", "65536k"}, or {"ro", ""} for a flag.
using MountOption = std::pair<std::string, std::string>;

// A new instance of `type` that is mounted nowhere yet; its root is the returned descriptor.
// `attributes` are MOUNT_ATTR_*. It lives as long as the descriptor, or where it is placed.
Result<Fd> MakeMount(const std::string& type, const std::vector<MountOption>& options,
                     uint64_t attributes);

// Which later mounts go from an original to its copy: none, those on the original, or both ways.
enum class Propagation { kPrivate, kSlave, kShared };

// A copy of what is mounted at `path` (a file or directory), mounted nowhere yet. `recursive` takes
// what is mounted below it along.
// Errors: kInvalid when the original's mount does not take part in the propagation that is asked
// for.
Result<Fd> CloneMount(int dir, const std::string& path, bool recursive,
                      Propagation propagation = Propagation::kPrivate);

// Sets and clears MOUNT_ATTR_* on a mount; `recursive` on those below it as well.
Status SetMountAttributes(int mount, uint64_t set, uint64_t clear, bool recursive);
// The same for the mount at `path` below `dir`.
Status SetMountAttributesAt(int dir, const std::string& path, uint64_t set, uint64_t clear,
                            bool recursive);

// Places a detached mount on the file or directory `target` refers to (O_PATH is enough).
Status PlaceMount(int mount, int target);

// What an overlay consists of. Lower layers are listed topmost first. Without upper the result is
// read-only.
struct OverlayLayers {
  std::vector<int> lower;  // O_PATH descriptors of directories
  int upper = -1;
  int work = -1;  // empty directory on upper's file system
};
// A detached overlay. `volatile_upper` leaves out every fsync of the upper layer, for trees that
// are thrown away after a crash (Documentation/filesystems/overlayfs.rst "Volatile mount").
// `scratch` is a directory for MakeOverlayByPath, which kernels before 6.8 need.
Result<Fd> MakeOverlay(const OverlayLayers& layers, bool volatile_upper,
                       const std::string& scratch);
// The same by mount(2), on every kernel: the overlay appears for a moment in a new directory below
// `scratch`. At most about 200 layers, since the options fill no more than a page.
Result<Fd> MakeOverlayByPath(const OverlayLayers& layers, bool volatile_upper,
                             const std::string& scratch);
// Unmounts and removes what a crash inside MakeOverlayByPath left below `scratch`.
Status ClearScratch(const std::string& scratch);

}  // namespace wherry::linux
