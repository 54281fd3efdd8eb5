#include "nodeagent/streaming/log_files.h"

#include "lib/linux/file.h"
#include "nodeagent/streaming/cri_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

// A rotation takes megabytes of output; nobody makes so many while a directory is listed.
constexpr int kTriesMax = 16;

// What a file holds now, mapped.
class Mapping {
 public:
  explicit Mapping(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0 || info.st_size == 0) return;
    size_ = static_cast<size_t>(info.st_size);
    address_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    if (address_ == MAP_FAILED) size_ = 0;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (size_ > 0) ::munmap(address_, size_);
  }
  std::string_view text() const { return {static_cast<const char*>(address_), size_}; }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

linux::Fd OpenToRead(const std::string& path) {
  return linux::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

Result<std::vector<LogFiles::Entry>> LogFiles::List() const {
  const size_t slash = path_.rfind('/');
  const std::string directory = path_.substr(0, slash);
  const std::string name = path_.substr(slash + 1);
  std::vector<Entry> entries;
  auto visit = [&](const std::string& entry, unsigned char) -> Status {
    if (entry.starts_with(name + ".")) entries.push_back({.path = directory + "/" + entry});
    return Ok();
  };
  TRY_STATUS(linux::ForEachEntry(AT_FDCWD, directory, visit));
  std::ranges::sort(entries, {}, &Entry::path);
  entries.push_back({.path = path_});
  std::erase_if(entries, [](Entry& entry) { return ::stat(entry.path.c_str(), &entry.info) != 0; });
  return entries;
}

Status LogFiles::Open(std::optional<int64_t> tail_lines, bool follow) {
  follow_ = follow;
  TRY(const std::vector<Entry> entries, List());
  if (entries.empty()) return ErrnoError(ENOENT, "open '" + path_ + "'");
  last_ = entries.back().info;
  if (!tail_lines) {
    TRY(const bool opened, OpenNext());
    if (!opened) return ErrnoError(ENOENT, "open '" + path_ + "'");
    return Ok();
  }
  // From the newest backwards.
  int64_t wanted = *tail_lines;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    linux::Fd fd = OpenToRead(entry->path);
    if (!fd.valid()) continue;
    const Mapping mapping(fd.get());
    const std::string_view text = mapping.text();
    file_ = std::move(fd);
    offset_ = static_cast<off_t>(TailOffset(text, wanted));
    if (offset_ > 0) break;
    wanted -= static_cast<int64_t>(std::ranges::count(text, '\n'));
    if (wanted <= 0) break;
  }
  if (!file_.valid()) return ErrnoError(ENOENT, "open '" + path_ + "'");
  return Ok();
}

Result<bool> LogFiles::OpenNext() {
  struct stat ours{};
  if (file_.valid() && ::fstat(file_.get(), &ours) != 0)
    return ErrnoError(errno, "look at the log '" + path_ + "'");
  auto next_of = [&ours](const std::vector<Entry>& entries) {
    // Files are removed oldest first: what is left when ours is gone came after it.
    auto own = std::ranges::find_if(entries, [&](const Entry& e) { return Same(e.info, ours); });
    return own == entries.end() ? entries.begin() : own + 1;
  };
  for (int i = 0; i < kTriesMax; ++i) {
    TRY(const std::vector<Entry> before, List());
    auto next = next_of(before);
    if (next == before.end()) return false;
    linux::Fd fd = OpenToRead(next->path);
    struct stat opened{};
    if (!fd.valid() || ::fstat(fd.get(), &opened) != 0) continue;
    // The name may have been another file's when it was listed, and files lie between now.
    TRY(const std::vector<Entry> after, List());
    next = next_of(after);
    if (next == after.end() || !Same(next->info, opened)) continue;
    file_ = std::move(fd);
    offset_ = 0;
    begins_ = true;
    return true;
  }
  return MakeError(Reason::kServiceUnavailable, "the log '" + path_ + "' is rotated too fast");
}

// The open file is the one that is written, or its successor has no name yet.
bool LogFiles::IsWritten() const {
  struct stat ours{};
  struct stat now{};
  if (::fstat(file_.get(), &ours) != 0) return true;
  if (!follow_) return Same(ours, last_);
  return ::stat(path_.c_str(), &now) != 0 || Same(ours, now);
}

Result<LogFiles::Piece> LogFiles::Read(std::span<char> buffer) {
  while (true) {
    // Asked before reading: what was written before the rename is then read in any case.
    const bool written = IsWritten();
    const ssize_t n = ::pread(file_.get(), buffer.data(), buffer.size(), offset_);
    if (n < 0) return ErrnoError(errno, "read '" + path_ + "'");
    if (n > 0) {
      offset_ += n;
      return Piece{.size = static_cast<size_t>(n), .begins_file = std::exchange(begins_, false)};
    }
    if (written) return Piece{};
    TRY(const bool opened, OpenNext());
    if (!opened) return Piece{};
  }
}

}  // namespace wherry::nodeagent::streaming
