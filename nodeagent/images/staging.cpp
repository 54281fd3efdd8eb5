#include "nodeagent/images/staging.h"

#include "lib/linux/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

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

Result<std::vector<Staging::Abandoned>> Staging::FindAbandoned(int parent) {
  std::vector<Abandoned> found;
  auto look = [&](const std::string& name, unsigned char type) -> Status {
    if (type != DT_DIR && type != DT_UNKNOWN) {
      found.push_back({name, linux::Fd()});
      return Ok();
    }
    auto lock = LockDirectory(parent, name);
    if (lock.ok()) {
      found.push_back({name, std::move(*lock)});
      return Ok();
    }
    const bool gone_or_used =
        lock.error().reason == Reason::kNotFound || lock.error().reason == Reason::kConflict;
    return gone_or_used ? Ok() : Status(std::move(lock).error());
  };
  TRY_STATUS(linux::ForEachEntry(parent, ".", look));
  return found;
}

}  // namespace wherry::nodeagent::images
