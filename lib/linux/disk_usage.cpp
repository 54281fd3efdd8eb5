#include "lib/linux/disk_usage.h"

#include "lib/linux/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <unordered_set>
#include <utility>
#include <vector>

namespace wherry::linux {

namespace {

constexpr uint64_t kBlockBytes = 512;  // the unit of st_blocks, stat(2)
constexpr size_t kLevelsMax = 256;

class Walk {
 public:
  explicit Walk(dev_t device) : device_(device) {}

  void Count(const struct stat& info) {
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 && !seen_.insert(info.st_ino).second) return;
    usage_.bytes += static_cast<uint64_t>(info.st_blocks) * kBlockBytes;
    ++usage_.inodes;
  }

  // One open directory per level; not by recursion, since containers choose how deep they lie.
  void Directories(Fd top) {
    std::vector<Level> levels;
    levels.push_back({.below = Entries(top.get()), .directory = std::move(top)});
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.below.empty()) {
        levels.pop_back();
        continue;
      }
      const std::string name = std::move(level.below.back());
      level.below.pop_back();
      if (levels.size() >= kLevelsMax) continue;
      auto opened = OpenAt(level.directory.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!opened.ok()) continue;
      levels.push_back({.below = Entries(opened->get()), .directory = std::move(*opened)});
    }
  }
  const DiskUsage& usage() const { return usage_; }

 private:
  struct Level {
    std::vector<std::string> below;  // directories that are still to be read
    Fd directory;
  };

  // Counts what the directory holds and returns its directories.
  std::vector<std::string> Entries(int directory) {
    std::vector<std::string> below;
    auto visit = [&](const std::string& name, unsigned char) -> Status {
      struct stat info{};
      if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Ok();
      if (info.st_dev != device_) return Ok();
      Count(info);
      if (S_ISDIR(info.st_mode)) below.push_back(name);
      return Ok();
    };
    Ignore(ForEachEntry(directory, ".", visit), "it has been removed meanwhile");
    return below;
  }

  dev_t device_;
  DiskUsage usage_;
  std::unordered_set<ino_t> seen_;
};

}  // namespace

Result<DiskUsage> DiskUsageOf(int dir, const std::string& path) {
  struct stat info{};
  if (::fstatat(dir, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoError(errno, "look at '" + path + "'");
  Walk walk(info.st_dev);
  walk.Count(info);
  if (S_ISDIR(info.st_mode)) {
    TRY(Fd top, OpenAt(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    walk.Directories(std::move(top));
  }
  return walk.usage();
}

}  // namespace wherry::linux
