#include "nodeagent/images/unpack.h"

#include "lib/linux/file.h"
#include "nodeagent/images/archive_reader.h"
#include "nodeagent/images/tar_path.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace wherry::nodeagent::images {
namespace {

using linux::Fd;

constexpr const char* kOpaque = "trusted.overlay.opaque";

// Attributes with a meaning for the image's programs. "trusted.overlay.*" would let an image steer
// overlayfs (redirects to other directories), so it is not among them.
bool MayHaveAttribute(std::string_view name) {
  return name == "security.capability" || name.starts_with("user.");
}

struct Times {
  timespec values[2];
};
Times TimesOf(archive_entry* entry) {
  timespec mtime{};
  mtime.tv_sec = ::archive_entry_mtime(entry);
  mtime.tv_nsec = ::archive_entry_mtime_nsec(entry);
  return Times{{mtime, mtime}};
}

class Unpacker {
 public:
  Unpacker(ArchiveReader& reader, int root, UnpackAs as, const UnpackLimits& limits)
      : reader_(reader), root_(root), as_(as), limits_(limits) {}

  Result<UnpackResult> Run() {
    for (int64_t entries = 0;; ++entries) {
      TRY(archive_entry * entry, reader_.Next());
      if (entry == nullptr) break;
      if (entries >= limits_.entries_max) {
        return MakeError(Reason::kRequestEntityTooLarge, "layer has too many entries");
      }
      const char* path = ::archive_entry_pathname(entry);
      if (path == nullptr) return MakeError(Reason::kInvalid, "layer entry without a name");
      auto done = UnpackEntry(entry, path);
      if (!done.ok()) return std::move(done).error().Wrap("unpack '" + std::string(path) + "'");
    }
    TRY_STATUS(SetDirectoryTimes());
    TRY(result_.diff_id, reader_.FinishDigest());
    return result_;
  }

 private:
  Status UnpackEntry(archive_entry* entry, const char* path) {
    TRY(TarPath where, CleanTarPath(path));
    if (where.components.empty()) {
      if (::archive_entry_filetype(entry) != AE_IFDIR) return Ok();
      TRY(Fd self, linux::OpenAt(root_, ".", O_RDONLY | O_DIRECTORY));
      return SetMetadata(entry, self.get());
    }
    TRY(Fd parent, OpenParent(where));
    std::string name = where.name();
    if (as_ == UnpackAs::kLayer) {
      TRY(Whiteout whiteout, ParseWhiteout(name));
      if (whiteout.kind != WhiteoutKind::kNone) return ApplyWhiteout(whiteout, parent.get());
    }
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      return MakeHardLink(target, parent.get(), name);
    }
    switch (::archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return MakeDirectory(entry, parent.get(), name, where);
      case AE_IFREG:
        return MakeFile(entry, parent.get(), name);
      case AE_IFLNK:
        return MakeSymlink(entry, parent.get(), name);
      case AE_IFIFO:
        return MakeFifo(entry, parent.get(), name);
      default:
        ++result_.skipped;
        return Ok();
    }
  }

  Result<Fd> OpenParent(const TarPath& where) {
    std::string path = where.parent();
    if (path.empty()) return linux::OpenDirectory(root_, ".");
    return linux::MakeDirsInRoot(root_, path, 0755);
  }

  // Makes room for something that is not a directory, or a directory where something else is.
  Status ClearPlace(int parent, const std::string& name) { return linux::RemoveTree(parent, name); }

  Status ApplyWhiteout(const Whiteout& whiteout, int parent) {
    if (whiteout.kind == WhiteoutKind::kIgnore) return Ok();
    if (whiteout.kind == WhiteoutKind::kOpaque) {
      TRY(Fd directory, linux::OpenAt(parent, ".", O_RDONLY | O_DIRECTORY));
      if (::fsetxattr(directory.get(), kOpaque, "y", 1, 0) != 0) {
        return ErrnoError(errno, "mark a directory as opaque");
      }
      return Ok();
    }
    // What this layer itself has put there stays: a whiteout speaks of lower layers.
    if (::mknodat(parent, whiteout.name.c_str(), S_IFCHR, makedev(0, 0)) != 0 && errno != EEXIST) {
      return ErrnoError(errno, "make a whiteout");
    }
    return Ok();
  }

  Status MakeHardLink(const char* target, int parent, const std::string& name) {
    TRY(TarPath from, CleanTarPath(target));
    if (from.components.empty()) return MakeError(Reason::kInvalid, "hard link to the root");
    auto from_parent = from.parent().empty()
                           ? linux::OpenDirectory(root_, ".")
                           : linux::OpenInRoot(root_, from.parent(), O_PATH | O_DIRECTORY);
    if (!from_parent.ok()) return std::move(from_parent).error().Wrap("hard link");
    struct stat info{};
    if (::fstatat(from_parent->get(), from.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError(errno, "hard link to '" + std::string(target) + "'");
    }
    struct stat here{};
    if (::fstatat(parent, name.c_str(), &here, AT_SYMLINK_NOFOLLOW) == 0) {
      if (here.st_ino == info.st_ino && here.st_dev == info.st_dev) return Ok();
      TRY_STATUS(ClearPlace(parent, name));
    }
    if (::linkat(from_parent->get(), from.name().c_str(), parent, name.c_str(), 0) != 0) {
      return ErrnoError(errno, "hard link to '" + std::string(target) + "'");
    }
    return Ok();
  }

  Status MakeDirectory(archive_entry* entry, int parent, const std::string& name,
                       const TarPath& where) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0) {
      if (errno != EEXIST) return ErrnoError(errno, "make directory");
      struct stat info{};
      bool is_directory =
          ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
      if (!is_directory) {
        TRY_STATUS(ClearPlace(parent, name));
        if (::mkdirat(parent, name.c_str(), 0700) != 0) return ErrnoError(errno, "make directory");
      }
    }
    TRY(Fd directory, linux::OpenAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    // What is put into it later would change its time.
    directories_.push_back({where, TimesOf(entry)});
    return SetMetadata(entry, directory.get());
  }

  Status MakeFile(archive_entry* entry, int parent, const std::string& name) {
    TRY_STATUS(ClearPlace(parent, name));
    TRY(Fd file, linux::OpenAt(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    int64_t end = 0;
    for (;;) {
      std::string_view block;
      int64_t offset = 0;
      TRY(bool more, reader_.NextBlock(block, offset));
      if (!more) break;
      result_.bytes += static_cast<int64_t>(block.size());
      if (result_.bytes > limits_.bytes_max) {
        return MakeError(Reason::kRequestEntityTooLarge, "layer is too large");
      }
      if (offset != end && ::lseek(file.get(), offset, SEEK_SET) != offset) {
        return ErrnoError(errno, "seek");
      }
      TRY_STATUS(linux::WriteAll(file.get(), block));
      end = offset + static_cast<int64_t>(block.size());
    }
    // A sparse file may end in a hole; a lying size must not make an endless one.
    int64_t size = ::archive_entry_size(entry);
    if (size > end && size <= limits_.bytes_max && ::ftruncate(file.get(), size) != 0) {
      return ErrnoError(errno, "set the file's size");
    }
    TRY_STATUS(SetMetadata(entry, file.get()));
    Times times = TimesOf(entry);
    if (::futimens(file.get(), times.values) != 0) return ErrnoError(errno, "set times");
    return Ok();
  }

  Status MakeSymlink(archive_entry* entry, int parent, const std::string& name) {
    const char* target = ::archive_entry_symlink(entry);
    if (target == nullptr) return MakeError(Reason::kInvalid, "link without a target");
    TRY_STATUS(ClearPlace(parent, name));
    if (::symlinkat(target, parent, name.c_str()) != 0) return ErrnoError(errno, "make link");
    return SetOwnerAndTimes(entry, parent, name);
  }

  Status MakeFifo(archive_entry* entry, int parent, const std::string& name) {
    TRY_STATUS(ClearPlace(parent, name));
    if (::mknodat(parent, name.c_str(), S_IFIFO | (::archive_entry_mode(entry) & 07777), 0) != 0) {
      return ErrnoError(errno, "make fifo");
    }
    return SetOwnerAndTimes(entry, parent, name);
  }

  Status SetOwnerAndTimes(archive_entry* entry, int parent, const std::string& name) {
    if (::fchownat(parent, name.c_str(), static_cast<uid_t>(::archive_entry_uid(entry)),
                   static_cast<gid_t>(::archive_entry_gid(entry)), AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError(errno, "set owner");
    }
    Times times = TimesOf(entry);
    if (::utimensat(parent, name.c_str(), times.values, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError(errno, "set times");
    }
    return Ok();
  }

  Status SetMetadata(archive_entry* entry, int fd) {
    if (::fchown(fd, static_cast<uid_t>(::archive_entry_uid(entry)),
                 static_cast<gid_t>(::archive_entry_gid(entry))) != 0) {
      return ErrnoError(errno, "set owner");
    }
    // After the owner, whose change takes set-user-ID bits away.
    if (::fchmod(fd, ::archive_entry_mode(entry) & 07777) != 0)
      return ErrnoError(errno, "set mode");
    ::archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      if (name == nullptr || !MayHaveAttribute(name)) continue;
      if (::fsetxattr(fd, name, value, size, 0) != 0 && errno != ENOTSUP) {
        return ErrnoError(errno, std::string("set attribute '") + name + "'");
      }
    }
    return Ok();
  }

  Status SetDirectoryTimes() {
    for (const auto& [where, times] : directories_) {
      TRY(Fd parent, OpenParent(where));
      // Replaced by something else since: that has its own times.
      if (::utimensat(parent.get(), where.name().c_str(), times.values, AT_SYMLINK_NOFOLLOW) != 0 &&
          errno != ENOENT) {
        return ErrnoError(errno, "set times");
      }
    }
    return Ok();
  }

  struct DirectoryTimes {
    TarPath where;
    Times times;
  };

  ArchiveReader& reader_;
  int root_;
  UnpackAs as_;
  UnpackLimits limits_;
  UnpackResult result_;
  std::vector<DirectoryTimes> directories_;
};

}  // namespace

Result<UnpackResult> UnpackTar(int archive, int root, UnpackAs as, const UnpackLimits& limits) {
  TRY(auto reader, ArchiveReader::Open(archive));
  return Unpacker(*reader, root, as, limits).Run();
}

Result<TarTop> LookAtTar(int archive) {
  TRY(auto reader, ArchiveReader::Open(archive));
  TarTop top;
  for (;;) {
    TRY(archive_entry * entry, reader->Next());
    if (entry == nullptr) return top;
    const char* path = ::archive_entry_pathname(entry);
    auto clean = CleanTarPath(path == nullptr ? "" : path);
    if (!clean.ok() || clean->components.size() != 1) continue;
    if (clean->components[0] == "manifest.json") top.has_docker_manifest = true;
    if (clean->components[0] == "oci-layout") top.has_oci_layout = true;
  }
}

}  // namespace wherry::nodeagent::images
