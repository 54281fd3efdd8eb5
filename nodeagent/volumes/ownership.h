#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>

namespace wherry::nodeagent::volumes {

// Gives the tree at `path` to the group `group`: files gain rw for it, directories rwx and set-gid.
// Links are not followed. With `only_on_mismatch` nothing is done when the top is right already
// (fsGroupChangePolicy OnRootMismatch). Blocking. Source: pkg/volume/volume_linux.go.
Status SetVolumeOwnership(const std::string& path, int64_t group, bool only_on_mismatch);

}  // namespace wherry::nodeagent::volumes
