#include "nodeagent/images/staging.h"

#include "lib/linux/file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace wherry::nodeagent::images {

namespace {

// kConflict when somebody else holds it.
Result<linux::Fd> LockDirectory(int parent, const std::string& path) {
  TRY(linux::Fd fd, linux::OpenAt(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock '" + path + "'");
  return MakeError(Reason::kConflict, "'" + path + "' is in use");
}

}  // namespace

Result<Staging> Staging::Make(const std::string& parent) {
  TRY(linux::TempDir directory, linux::TempDir::Make(parent, ""));
  TRY(linux::Fd lock, LockDirectory(AT_FDCWD, directory.path()));
  return Staging(std::move(lock), std::move(directory));
}

Result<std::vector<std::string>> Staging::FindAbandoned(int parent) {
  std::vector<std::string> names;
  TRY_STATUS(
      linux::ForEachEntry(parent, ".", [&](const std::string& name, unsigned char) -> Status {
        auto lock = LockDirectory(parent, name);
        const bool gone = !lock.ok() && lock.error().reason == Reason::kNotFound;
        const bool used = !lock.ok() && lock.error().reason == Reason::kConflict;
        if (!gone && !used) names.push_back(name);
        return Ok();
      }));
  return names;
}

}  // namespace wherry::nodeagent::images
