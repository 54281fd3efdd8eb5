#include "nodeagent/init/sealed_program.h"

#include "lib/linux/file.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::init {
namespace {

constexpr unsigned kExecutable = 0x10;  // MFD_EXEC
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

Status RunFromSealedCopy(char** argv) {
  TRY(linux::Fd own, linux::OpenAt(AT_FDCWD, "/proc/self/exe", O_RDONLY));
  // Only files in memory have seals.
  if (int seals = ::fcntl(own.get(), F_GET_SEALS); seals >= 0 && (seals & kSeals) == kSeals) {
    return Ok();
  }
  struct stat info{};
  if (::fstat(own.get(), &info) != 0) return ErrnoError(errno, "stat this program");
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  linux::Fd copy(::memfd_create("wherry-init", kFlags | kExecutable));
  // Before Linux 6.3 the flag is unknown, and every such file may be executed.
  if (!copy.valid()) copy = linux::Fd(::memfd_create("wherry-init", kFlags));
  if (!copy.valid()) return ErrnoError(errno, "memfd_create");
  for (off_t copied = 0; copied < info.st_size;) {
    ssize_t n = ::sendfile(copy.get(), own.get(), &copied, static_cast<size_t>(info.st_size));
    if (n <= 0) return ErrnoError(n < 0 ? errno : EIO, "copy this program");
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoError(errno, "seal this program");
  ::fexecve(copy.get(), argv, environ);
  return ErrnoError(errno, "run the copy of this program");
}

}  // namespace wherry::nodeagent::init
