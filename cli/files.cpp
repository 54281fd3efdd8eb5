#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace wherry::cli {

Result<std::string> ReadFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, "open '" + path + "'");
  std::string contents;
  char buffer[16384];
  ssize_t size = 0;
  while ((size = ::read(fd, buffer, sizeof buffer)) > 0) {
    contents.append(buffer, static_cast<size_t>(size));
  }
  const int saved = errno;
  ::close(fd);
  if (size < 0) return ErrnoError(saved, "read '" + path + "'");
  return contents;
}

Status WriteFile(const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoError(errno, "create '" + temporary + "'");
  size_t written = 0;
  int failed = 0;
  while (written < contents.size() && failed == 0) {
    const ssize_t size = ::write(fd, contents.data() + written, contents.size() - written);
    if (size < 0) {
      if (errno != EINTR) failed = errno;
    } else {
      written += static_cast<size_t>(size);
    }
  }
  if (failed == 0 && ::fsync(fd) != 0) failed = errno;
  ::close(fd);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    ::unlink(temporary.c_str());
    return ErrnoError(failed, "write '" + path + "'");
  }
  return Ok();
}

Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoError(error.value(), "create directory '" + path + "'");
  if (::chmod(path.c_str(), 0700) != 0) return ErrnoError(errno, "chmod '" + path + "'");
  return Ok();
}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace wherry::cli
