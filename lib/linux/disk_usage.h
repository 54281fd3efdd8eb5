#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>

namespace wherry::linux {

struct DiskUsage {
  uint64_t bytes = 0;   // in blocks of the disk, as du(1) counts
  uint64_t inodes = 0;  // the top directory included
};

// What lies at and below `path`, which may be a file. Links are not followed, other file systems
// left out, a file with several names counted once; what disappears meanwhile is not counted, nor
// what lies more than 256 directories deep. Blocking. Errors: kNotFound when `path` is not there.
Result<DiskUsage> DiskUsageOf(int dir, const std::string& path);

}  // namespace wherry::linux
