#include "lib/linux/file.h"
#include "nodeagent/images/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::images {
namespace {

using linux::Fd;

struct FreeArchive {
  void operator()(archive* a) const { ::archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { ::archive_entry_free(e); }
};

class Packer {
 public:
  explicit Packer(archive* out) : out_(out) {}

  Status Directory(int directory, const std::string& path) {
    std::vector<std::string> names;
    TRY_STATUS(
        linux::ForEachEntry(directory, ".", [&](const std::string& name, unsigned char) -> Status {
          names.push_back(name);
          return Ok();
        }));
    std::ranges::sort(names);
    for (const std::string& name : names) {
      TRY_STATUS(Entry(directory, name, path.empty() ? name : path + "/" + name));
    }
    return Ok();
  }

 private:
  Status Entry(int directory, const std::string& name, const std::string& path) {
    struct stat info{};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError(errno, "stat '" + path + "'");
    }
    if (S_ISSOCK(info.st_mode)) return Ok();
    std::unique_ptr<archive_entry, FreeEntry> entry(::archive_entry_new());
    ::archive_entry_copy_stat(entry.get(), &info);
    ::archive_entry_set_pathname(entry.get(), path.c_str());
    if (S_ISLNK(info.st_mode)) {
      std::string target(4096, '\0');
      ssize_t n = ::readlinkat(directory, name.c_str(), target.data(), target.size());
      if (n < 0) return ErrnoError(errno, "read link '" + path + "'");
      target.resize(static_cast<size_t>(n));
      ::archive_entry_set_symlink(entry.get(), target.c_str());
    }
    if (S_ISREG(info.st_mode) && info.st_nlink > 1) {
      auto [seen, first] = links_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!first) {
        ::archive_entry_set_hardlink(entry.get(), seen->second.c_str());
        ::archive_entry_set_size(entry.get(), 0);
        return Header(entry.get(), path);
      }
    }
    Fd file;
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) {
      TRY(file, linux::OpenAt(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      CopyCapability(file.get(), entry.get());
    }
    TRY_STATUS(Header(entry.get(), path));
    if (S_ISDIR(info.st_mode)) return Directory(file.get(), path);
    if (S_ISREG(info.st_mode)) return Content(file.get(), path, info.st_size);
    return Ok();
  }

  static void CopyCapability(int file, archive_entry* entry) {
    char value[256];
    ssize_t n = ::fgetxattr(file, "security.capability", value, sizeof value);
    if (n > 0) {
      ::archive_entry_xattr_add_entry(entry, "security.capability", value, static_cast<size_t>(n));
    }
  }

  Status Header(archive_entry* entry, const std::string& path) {
    if (::archive_write_header(out_, entry) < ARCHIVE_WARN) return Failed(path);
    return Ok();
  }

  Status Content(int file, const std::string& path, int64_t size) {
    char buffer[65536];
    for (int64_t done = 0; done < size;) {
      ssize_t n = ::read(file, buffer, sizeof buffer);
      if (n < 0) return ErrnoError(errno, "read '" + path + "'");
      if (n == 0) return MakeError(Reason::kConflict, "'" + path + "' shrank while it was read");
      if (::archive_write_data(out_, buffer, static_cast<size_t>(n)) < 0) return Failed(path);
      done += n;
    }
    return Ok();
  }

  Error Failed(const std::string& path) {
    return MakeError(Reason::kInternalError,
                     "pack '" + path + "': " + ::archive_error_string(out_));
  }

  archive* out_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

}  // namespace

Status PackTar(int root, int out) {
  std::unique_ptr<archive, FreeArchive> writer(::archive_write_new());
  ::archive_write_set_format_pax_restricted(writer.get());
  if (::archive_write_open_fd(writer.get(), out) != ARCHIVE_OK) {
    return MakeError(Reason::kInternalError, "write a tar");
  }
  TRY_STATUS(Packer(writer.get()).Directory(root, ""));
  if (::archive_write_close(writer.get()) != ARCHIVE_OK) {
    return MakeError(Reason::kInternalError,
                     std::string("write a tar: ") + ::archive_error_string(writer.get()));
  }
  return Ok();
}

}  // namespace wherry::nodeagent::images
