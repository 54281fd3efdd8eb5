#include "lib/linux/file.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::linux {
namespace {

std::string Quoted(std::string_view doing, std::string_view path) {
  return std::string(doing) + " '" + std::string(path) + "'";
}

Result<Fd> OpenAt2(int root, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 0;; ++attempt) {
    long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    // EAGAIN: a rename or mount happened during the walk, so ".." could not be judged; the walk is
    // repeated.
    if ((errno == EAGAIN || errno == EINTR) && attempt < 128) continue;
    if (errno == ENOSYS) {
      return MakeError(Reason::kMethodNotAllowed, "openat2 is needed (Linux 5.6 or later)");
    }
    return ErrnoError(errno, Quoted("open", path));
  }
}

// Removes what is in a tree with a number of descriptors that does not depend on its depth: what
// lies deeper than a few levels is renamed up to the top and removed from there. Whoever may write
// to the tree meanwhile cannot lead out of it, since no path is resolved and no ".." is opened.
class TreeRemover {
 public:
  TreeRemover(int dir, const std::string& name) : dir_(dir), name_(name) {}

  Status Run() {
    for (int vain = 0;;) {
      TRY(bool removed, RemoveEntry(dir_, name_));
      if (removed) return Ok();
      TRY(top_, OpenDirectoryIn(dir_, name_));
      moved_ = 0;
      TRY_STATUS(Empty(top_.get(), 1));
      // Somebody may put new entries there as fast as they are removed.
      if (moved_ == 0 && ++vain > kVainRoundsMax) {
        return ErrnoError(ENOTEMPTY, Quoted("remove", name_));
      }
    }
  }

 private:
  static constexpr int kLevelsMax = 16;
  static constexpr int kVainRoundsMax = 8;

  static Result<Fd> OpenDirectoryIn(int dir, const std::string& name) {
    return OpenAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  // False when it is a directory with something in it.
  static Result<bool> RemoveEntry(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return ErrnoError(errno, Quoted("remove", name));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    return ErrnoError(errno, Quoted("remove", name));
  }

  Status Empty(int directory, int level) {
    return ForEachEntry(directory, ".", [&](const std::string& entry, unsigned char) -> Status {
      TRY(bool removed, RemoveEntry(directory, entry));
      if (removed) return Ok();
      if (level == kLevelsMax) return MoveUp(directory, entry);
      {
        TRY(Fd child, OpenDirectoryIn(directory, entry));
        TRY_STATUS(Empty(child.get(), level + 1));
      }
      TRY(removed, RemoveEntry(directory, entry));
      Ignore(removed, "what was put into it meanwhile is for the next round");
      return Ok();
    });
  }

  Status MoveUp(int directory, const std::string& entry) {
    for (;;) {
      std::string name = ".deep-" + std::to_string(next_++);
      if (::renameat(directory, entry.c_str(), top_.get(), name.c_str()) == 0) {
        ++moved_;
        return Ok();
      }
      if (errno == ENOENT) return Ok();
      bool taken = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR;
      if (!taken) return ErrnoError(errno, Quoted("move up", entry));
    }
  }

  int dir_;
  const std::string& name_;
  Fd top_;
  uint64_t next_ = 0;
  uint64_t moved_ = 0;
};

}  // namespace

Result<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    int fd = ::openat(dir, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return ErrnoError(errno, Quoted("open", path));
  }
}

Result<Fd> OpenDirectory(int dir, const std::string& path) {
  return OpenAt(dir, path, O_PATH | O_DIRECTORY);
}

Result<std::string> ReadAll(int fd, size_t bytes_max) {
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "read");
    }
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > bytes_max) {
      return MakeError(Reason::kRequestEntityTooLarge,
                       "more than " + std::to_string(bytes_max) + " bytes");
    }
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

Result<std::string> ReadFile(int dir, const std::string& path, size_t bytes_max) {
  TRY(Fd file, OpenAt(dir, path, O_RDONLY));
  auto text = ReadAll(file.get(), bytes_max);
  if (!text.ok()) return std::move(text).error().Wrap(Quoted("read", path));
  return text;
}

Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "write");
    }
    data.remove_prefix(static_cast<size_t>(n));
  }
  return Ok();
}

Status WriteValue(int dir, const std::string& path, std::string_view value) {
  TRY(Fd file, OpenAt(dir, path, O_WRONLY));
  for (;;) {
    ssize_t n = ::write(file.get(), value.data(), value.size());
    if (n >= 0) return Ok();
    if (errno != EINTR) {
      return ErrnoError(errno, "write '" + std::string(value) + "' to '" + path + "'");
    }
  }
}

Status ReplaceFile(int dir, const std::string& name, std::string_view data, mode_t mode,
                   Durability durability) {
  std::string temporary = name + ".new";
  ::unlinkat(dir, temporary.c_str(), 0);
  TRY(Fd file, OpenAt(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  auto written = WriteAll(file.get(), data);
  if (!written.ok()) return std::move(written).error().Wrap(Quoted("write", temporary));
  if (durability == Durability::kDisk && ::fsync(file.get()) != 0) {
    return ErrnoError(errno, Quoted("fsync", temporary));
  }
  if (::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
    return ErrnoError(errno, "rename '" + temporary + "' to '" + name + "'");
  }
  if (durability == Durability::kDisk) return Sync(dir, ".");
  return Ok();
}

Status Sync(int dir, const std::string& path) {
  TRY(Fd fd, OpenAt(dir, path, O_RDONLY));
  if (::fsync(fd.get()) != 0) return ErrnoError(errno, Quoted("fsync", path));
  return Ok();
}

Status MakeDirs(int dir, const std::string& path, mode_t mode) {
  if (::mkdirat(dir, path.c_str(), mode) == 0 || errno == EEXIST) return Ok();
  if (errno != ENOENT) return ErrnoError(errno, Quoted("make directory", path));
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) {
    return ErrnoError(ENOENT, Quoted("make directory", path));
  }
  TRY_STATUS(MakeDirs(dir, path.substr(0, slash), mode));
  if (::mkdirat(dir, path.c_str(), mode) == 0 || errno == EEXIST) return Ok();
  return ErrnoError(errno, Quoted("make directory", path));
}

Status RemoveTree(int dir, const std::string& name) { return TreeRemover(dir, name).Run(); }

Status ForEachEntry(
    int dir, const std::string& path,
    const std::function<Status(const std::string& name, unsigned char type)>& visit) {
  TRY(Fd fd, OpenAt(dir, path, O_RDONLY | O_DIRECTORY));
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) return ErrnoError(errno, Quoted("list", path));
  [[maybe_unused]] int owned_by_stream = fd.Release();
  Status status = Ok();
  while (status.ok()) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) {
      if (errno != 0) status = ErrnoError(errno, Quoted("list", path));
      break;
    }
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    status = visit(name, entry->d_type);
  }
  ::closedir(stream);
  return status;
}

Result<Fd> OpenInRoot(int root, const std::string& path, int flags, mode_t mode) {
  return OpenAt2(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> OpenBeneath(int root, const std::string& path, int flags, mode_t mode) {
  return OpenAt2(root, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> MakeDirsInRoot(int root, const std::string& path, mode_t mode) {
  auto whole = OpenInRoot(root, path, O_PATH | O_DIRECTORY);
  if (whole.ok() || whole.error().os_errno != ENOENT) return whole;
  // The parent is made first, then the last component below the parent's descriptor.
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return OpenInRoot(root, "/", O_PATH | O_DIRECTORY);
  size_t slash = path.find_last_of('/', end);
  std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  std::string last = path.substr(slash == std::string::npos ? 0 : slash + 1, end - (slash + 1) + 1);
  if (slash == std::string::npos) last = path.substr(0, end + 1);
  if (last == "..")
    return MakeError(Reason::kInvalid, Quoted("'..' below what is missing in", path));
  TRY(Fd above, parent.empty() ? OpenInRoot(root, "/", O_PATH | O_DIRECTORY)
                               : MakeDirsInRoot(root, parent, mode));
  if (last == ".") return above;
  if (::mkdirat(above.get(), last.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoError(errno, Quoted("make directory", path));
  }
  // A dangling link answers EEXIST above and ENOENT here: it is refused, not followed.
  return OpenInRoot(root, path, O_PATH | O_DIRECTORY);
}

}  // namespace wherry::linux
