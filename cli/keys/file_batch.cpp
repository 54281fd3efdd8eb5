#include "cli/keys/file_batch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>

namespace wherry::cli {
namespace {

// Files beside their targets, which go again unless they were renamed.
class Temporaries {
 public:
  ~Temporaries() {
    for (const Entry& entry : entries_) {
      ::close(entry.fd);
      if (!entry.renamed) ::unlink(PathOf(entry).c_str());
    }
  }

  Status Write(const std::string& target, std::string_view contents) {
    Entry entry{.target = target};
    entry.fd = ::open(PathOf(entry).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (entry.fd < 0) return ErrnoError(errno, "create '" + PathOf(entry) + "'");
    entries_.push_back(entry);
    while (!contents.empty()) {
      const ssize_t size = ::write(entry.fd, contents.data(), contents.size());
      if (size < 0) return ErrnoError(errno, "write '" + PathOf(entry) + "'");
      contents.remove_prefix(static_cast<size_t>(size));
    }
    return Ok();
  }

  // The first waits for the journal; the others find most of their work done.
  Status Sync() {
    for (const Entry& entry : entries_) {
      if (::fsync(entry.fd) != 0) return ErrnoError(errno, "sync '" + PathOf(entry) + "'");
    }
    return Ok();
  }

  Status Rename() {
    for (Entry& entry : entries_) {
      if (::rename(PathOf(entry).c_str(), entry.target.c_str()) != 0) {
        return ErrnoError(errno, "write '" + entry.target + "'");
      }
      entry.renamed = true;
    }
    return Ok();
  }

 private:
  struct Entry {
    std::string target;
    int fd = -1;
    bool renamed = false;
  };
  static std::string PathOf(const Entry& entry) { return entry.target + ".new"; }

  std::vector<Entry> entries_;
};

Status SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, "open '" + path + "'");
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (failed != 0) return ErrnoError(failed, "sync '" + path + "'");
  return Ok();
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

Status FileBatch::Commit() const {
  Temporaries temporaries;
  std::set<std::string> directories;
  for (const auto& [path, contents] : files_) {
    TRY_STATUS(temporaries.Write(path, contents));
    directories.insert(DirectoryOf(path));
  }
  TRY_STATUS(temporaries.Sync());
  TRY_STATUS(temporaries.Rename());
  for (const std::string& directory : directories) TRY_STATUS(SyncDirectory(directory));
  return Ok();
}

}  // namespace wherry::cli
