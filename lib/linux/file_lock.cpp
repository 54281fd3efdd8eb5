#include "lib/linux/file_lock.h"

#include "lib/linux/file.h"

#include <sys/file.h>

#include <cerrno>

namespace wherry::linux {

Result<FileLock> FileLock::TryLock(int dir, const std::string& path) {
  TRY(Fd fd, OpenAt(dir, path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(fd));
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock '" + path + "'");
  return MakeError(Reason::kConflict, "'" + path + "' is locked by another process");
}

Result<FileLock> FileLock::Lock(int dir, const std::string& path) {
  TRY(Fd fd, OpenAt(dir, path, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoError(errno, "lock '" + path + "'");
  }
  return FileLock(std::move(fd));
}

}  // namespace wherry::linux
