#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <string>

namespace wherry::linux {

// An exclusive lock on a file, held until destroyed or until the process ends. Source: flock(2).
class FileLock {
 public:
  // Does not wait. Errors: kConflict when somebody else holds it.
  static Result<FileLock> TryLock(int dir, const std::string& path);
  // Waits. Blocking.
  static Result<FileLock> Lock(int dir, const std::string& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace wherry::linux
