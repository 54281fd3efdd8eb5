#include "lib/linux/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace wherry::linux {

void Fd::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Fd> Fd::Duplicate() const {
  int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return ErrnoError(errno, "duplicate a file descriptor");
  return Fd(copy);
}

}  // namespace wherry::linux
