#include "nodeagent/volumes/ownership.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace wherry::nodeagent::volumes {

namespace {

constexpr mode_t kFileBits = 0660;
constexpr mode_t kDirectoryBits = 02770;

Status SetOne(const std::string& path, gid_t group) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return ErrnoError(errno, "stat '" + path + "'");
  if (::lchown(path.c_str(), static_cast<uid_t>(-1), group) != 0)
    return ErrnoError(errno, "chown '" + path + "'");
  if (S_ISLNK(info.st_mode)) return Ok();
  const mode_t bits = S_ISDIR(info.st_mode) ? kDirectoryBits : kFileBits;
  if (::chmod(path.c_str(), (info.st_mode & 07777) | bits) != 0)
    return ErrnoError(errno, "chmod '" + path + "'");
  return Ok();
}

}  // namespace

Status SetVolumeOwnership(const std::string& path, int64_t group, bool only_on_mismatch) {
  const auto gid = static_cast<gid_t>(group);
  struct stat top{};
  if (::stat(path.c_str(), &top) != 0) return ErrnoError(errno, "stat '" + path + "'");
  if (only_on_mismatch && top.st_gid == gid && (top.st_mode & kDirectoryBits) == kDirectoryBits)
    return Ok();
  std::error_code error;
  using Walk = std::filesystem::recursive_directory_iterator;
  for (Walk it(path, error); !error && it != Walk(); it.increment(error))
    TRY_STATUS(SetOne(it->path().string(), gid));
  if (error) return ErrnoError(error.value(), "walk '" + path + "'");
  return SetOne(path, gid);
}

}  // namespace wherry::nodeagent::volumes
