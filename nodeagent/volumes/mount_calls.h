#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace wherry::nodeagent::volumes {

// The two mounts that volumes need. Blocking.
class MountCalls {
 public:
  virtual ~MountCalls() = default;
  // A tmpfs on the directory `path`; 0 leaves the size to the kernel. One that is there stays. Says
  // whether it was mounted now.
  virtual Result<bool> MountTmpfs(const std::string& path, int64_t size_bytes) = 0;
  // What is not mounted is fine.
  virtual Status Unmount(const std::string& path) = 0;
};

// mount(2) and umount2(2) in this process' mount namespace.
std::unique_ptr<MountCalls> KernelMountCalls();
// Mounts nothing: memory volumes are plain directories. For simulations and for a user without the
// right to mount.
std::unique_ptr<MountCalls> NoMountCalls();

}  // namespace wherry::nodeagent::volumes
