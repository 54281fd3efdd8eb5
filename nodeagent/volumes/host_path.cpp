#include "nodeagent/volumes/host_path.h"

#include "lib/linux/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace wherry::nodeagent::volumes {

namespace {

Error CheckFailed(const std::string& path, std::string_view what) {
  return MakeError(Reason::kInvalid,
                   "hostPath type check failed: " + path + " is not " + std::string(what));
}

}  // namespace

Status PrepareHostPath(const std::string& path, const std::string& type) {
  struct stat info{};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT) return ErrnoError(errno, "stat '" + path + "'");
  if (type.empty()) return exists ? Ok() : linux::MakeDirs(AT_FDCWD, path, 0755);
  if (type == "DirectoryOrCreate" && !exists) return linux::MakeDirs(AT_FDCWD, path, 0755);
  if (type == "FileOrCreate" && !exists) {
    TRY(linux::Fd file, linux::OpenAt(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644));
    return Ok();
  }
  const bool directory = exists && S_ISDIR(info.st_mode);
  const bool file = exists && S_ISREG(info.st_mode);
  if (type == "Directory" || type == "DirectoryOrCreate")
    return directory ? Ok() : Status(CheckFailed(path, "a directory"));
  if (type == "File" || type == "FileOrCreate")
    return file ? Ok() : Status(CheckFailed(path, "a file"));
  if (type == "Socket")
    return exists && S_ISSOCK(info.st_mode) ? Ok() : Status(CheckFailed(path, "a socket file"));
  if (type == "CharDevice")
    return exists && S_ISCHR(info.st_mode) ? Ok() : Status(CheckFailed(path, "a character device"));
  if (type == "BlockDevice")
    return exists && S_ISBLK(info.st_mode) ? Ok() : Status(CheckFailed(path, "a block device"));
  return MakeError(Reason::kInvalid, type + " is an invalid volume type");
}

}  // namespace wherry::nodeagent::volumes
