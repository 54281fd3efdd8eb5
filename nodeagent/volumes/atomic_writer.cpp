#include "nodeagent/volumes/atomic_writer.h"

#include "lib/linux/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>

namespace wherry::nodeagent::volumes {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDataLink = "..data";
constexpr const char* kNewDataLink = "..data_tmp";

Status CheckPath(const std::string& path) {
  const fs::path parsed(path);
  bool bad = path.empty() || parsed.is_absolute() || path.starts_with("..");
  for (const auto& part : parsed) bad = bad || part == "..";
  if (bad) return MakeError(Reason::kInvalid, "invalid path in volume: '" + path + "'");
  return Ok();
}

std::string FirstPart(const std::string& path) { return fs::path(path).begin()->string(); }

Status Failed(const std::error_code& error, const std::string& what) {
  return ErrnoError(error.value(), what);
}

bool Holds(const fs::path& file, const FileProjection& projection, uint32_t mode, int64_t group) {
  linux::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return false;
  if ((info.st_mode & 07777) != mode) return false;
  if (group >= 0 && info.st_gid != static_cast<gid_t>(group)) return false;
  if (projection.user >= 0 && info.st_uid != static_cast<uid_t>(projection.user)) return false;
  if (static_cast<size_t>(info.st_size) != projection.data.size()) return false;
  std::string content(projection.data.size(), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::read(fd.get(), content.data() + done, content.size() - done);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return content == projection.data;
}

uint32_t FileMode(const FileProjection& file, int64_t group) {
  return group >= 0 ? file.mode | 0440 : file.mode;
}

bool IsCurrent(const fs::path& directory, const Payload& payload, int64_t group) {
  std::error_code error;
  size_t files = 0;
  const fs::path data = directory / kDataLink;
  if (!fs::is_symlink(data, error)) return false;
  const fs::path current = directory / fs::read_symlink(data, error);
  for (auto it = fs::recursive_directory_iterator(current, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (it->is_regular_file(error)) ++files;
  if (error || files != payload.size()) return false;
  for (const auto& [path, file] : payload)
    if (!Holds(current / path, file, FileMode(file, group), group)) return false;
  return true;
}

Status WriteFile(const fs::path& file, const FileProjection& projection, int64_t group) {
  linux::Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return ErrnoError(errno, "create '" + file.string() + "'");
  size_t done = 0;
  while (done < projection.data.size()) {
    const ssize_t n =
        ::write(fd.get(), projection.data.data() + done, projection.data.size() - done);
    if (n < 0) return ErrnoError(errno, "write '" + file.string() + "'");
    done += static_cast<size_t>(n);
  }
  // The mode last: chown clears set-id bits.
  // -1 leaves user or group as it is.
  const auto user = static_cast<uid_t>(projection.user >= 0 ? projection.user : -1);
  const auto new_group = static_cast<gid_t>(group >= 0 ? group : -1);
  const bool owned = projection.user >= 0 || group >= 0;
  if (owned && ::fchown(fd.get(), user, new_group) != 0)
    return ErrnoError(errno, "chown '" + file.string() + "'");
  if (::fchmod(fd.get(), FileMode(projection, group)) != 0)
    return ErrnoError(errno, "chmod '" + file.string() + "'");
  return Ok();
}

Status MakeDirectory(const fs::path& path, int64_t group) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return ErrnoError(errno, "mkdir '" + path.string() + "'");
  if (group >= 0 && ::lchown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0)
    return ErrnoError(errno, "chown '" + path.string() + "'");
  if (::chmod(path.c_str(), group >= 0 ? 02755 : 0755) != 0)
    return ErrnoError(errno, "chmod '" + path.string() + "'");
  return Ok();
}

std::string StampName(int64_t stamp, int attempt) {
  const std::time_t seconds = stamp;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const size_t length = std::strftime(text, sizeof text, "..%Y_%m_%d_%H_%M_%S", &parts);
  return std::string(text, length) + "." + std::to_string(attempt);
}

Result<fs::path> NewDirectory(const fs::path& directory, int64_t group, int64_t stamp) {
  for (int attempt = 0; attempt < 10000; ++attempt) {
    fs::path candidate = directory / StampName(stamp, attempt);
    std::error_code error;
    if (fs::exists(fs::symlink_status(candidate, error))) continue;
    TRY_STATUS(MakeDirectory(candidate, group));
    return candidate;
  }
  return MakeError(Reason::kInternalError, "no free name below '" + directory.string() + "'");
}

Status WriteAll(const fs::path& fresh, const Payload& payload, int64_t group) {
  for (const auto& [path, file] : payload) {
    fs::path parent = fresh;
    for (const auto& part : fs::path(path).parent_path()) {
      parent /= part;
      TRY_STATUS(MakeDirectory(parent, group));
    }
    TRY_STATUS(WriteFile(fresh / path, file, group));
  }
  return Ok();
}

Status LinkVisibleNames(const fs::path& directory, const Payload& payload) {
  std::error_code error;
  std::set<std::string> wanted;
  for (const auto& [path, file] : payload) wanted.insert(FirstPart(path));
  for (const auto& name : wanted) {
    const fs::path link = directory / name;
    if (fs::is_symlink(fs::symlink_status(link, error))) continue;
    fs::create_symlink(fs::path(kDataLink) / name, link, error);
    if (error) return Failed(error, "symlink '" + link.string() + "'");
  }
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("..") || wanted.contains(name)) continue;
    fs::remove(entry.path(), error);
  }
  return Ok();
}

}  // namespace

Status WritePayload(const std::string& directory, const Payload& payload, int64_t group,
                    int64_t stamp) {
  for (const auto& [path, file] : payload) TRY_STATUS(CheckPath(path));
  const fs::path root(directory);
  std::error_code error;
  if (IsCurrent(root, payload, group)) return LinkVisibleNames(root, payload);

  fs::path old;
  if (fs::is_symlink(fs::symlink_status(root / kDataLink, error))) {
    // Only a directory of ours is removed later, wherever else the link may lead
    // (CVE-2017-1002102).
    const std::string target = fs::read_symlink(root / kDataLink, error).string();
    const bool ours =
        target.starts_with("..") && target.size() > 2 && target.find('/') == target.npos;
    if (ours) old = root / target;
  }
  TRY(fs::path fresh, NewDirectory(root, group, stamp));
  if (auto written = WriteAll(fresh, payload, group); !written.ok()) {
    fs::remove_all(fresh, error);
    return written;
  }
  fs::remove(root / kNewDataLink, error);
  fs::create_symlink(fresh.filename(), root / kNewDataLink, error);
  if (error) return Failed(error, "symlink '" + (root / kNewDataLink).string() + "'");
  fs::rename(root / kNewDataLink, root / kDataLink, error);
  if (error) return Failed(error, "rename '" + (root / kNewDataLink).string() + "'");
  TRY_STATUS(LinkVisibleNames(root, payload));
  if (!old.empty()) fs::remove_all(old, error);
  return Ok();
}

}  // namespace wherry::nodeagent::volumes
