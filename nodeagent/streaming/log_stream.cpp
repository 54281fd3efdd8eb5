#include "nodeagent/streaming/log_stream.h"

#include "lib/linux/fd.h"
#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "lib/loop/task_scope.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace wherry::nodeagent::streaming {

namespace {

constexpr size_t kReadBytes = 64 * 1024;
// An entry is at most 16 KiB of text and its head.
constexpr size_t kEntryBytesMax = 128 * 1024;

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

int64_t CountLines(std::string_view text) {
  return static_cast<int64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

// Reads on Blocking; one job at a time.
struct LogStream::Reader {
  explicit Reader(LogOptions options_in) : options(options_in), filter(std::move(options_in)) {}

  std::string path;
  LogOptions options;
  LogFilter filter;
  std::vector<std::string> files;  // oldest first; the last one is `path`
  size_t index = 0;
  linux::Fd file;
  off_t offset = 0;
  std::string rest;  // an entry whose end has not been read
  bool opened = false;
  linux::Fd inotify;

  Status Open() {
    const size_t slash = path.rfind('/');
    const std::string directory = path.substr(0, slash);
    const std::string name = path.substr(slash + 1);
    std::vector<std::string> rotated;
    auto visit = [&](const std::string& entry, unsigned char) -> Status {
      if (entry.starts_with(name + ".")) rotated.push_back(directory + "/" + entry);
      return Ok();
    };
    if (auto listed = linux::ForEachEntry(AT_FDCWD, directory, visit); !listed.ok()) return listed;
    std::sort(rotated.begin(), rotated.end());
    files = std::move(rotated);
    files.push_back(path);
    if (options.follow) {
      inotify = linux::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
      if (!inotify.valid() || ::inotify_add_watch(inotify.get(), directory.c_str(),
                                                  IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return ErrnoError(errno, "watch '" + directory + "'");
    }
    FindStart();
    opened = true;
    return OpenFile();
  }

  // With tailLines the first file and offset, from the newest backwards.
  void FindStart() {
    if (!options.tail_lines) return;
    int64_t wanted = *options.tail_lines;
    for (index = files.size() - 1;; --index) {
      const linux::Fd fd(::open(files[index].c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd.valid()) {
        if (index == 0) return;
        continue;
      }
      const Mapping mapping(fd.get());
      offset = static_cast<off_t>(TailOffset(mapping.text(), wanted));
      if (offset > 0 || index == 0) return;
      wanted -= CountLines(mapping.text());
      if (wanted <= 0) return;
    }
  }

  Status OpenFile() {
    file = linux::Fd(::open(files[index].c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return ErrnoError(errno, "open '" + files[index] + "'");
    return Ok();
  }

  // The current file has been renamed away and a new one begun.
  bool Rotated() const {
    struct stat ours{};
    struct stat now{};
    if (::fstat(file.get(), &ours) != 0 || ::stat(path.c_str(), &now) != 0) return false;
    return ours.st_ino != now.st_ino || ours.st_dev != now.st_dev;
  }

  // Some output, or "" at the end of what is there.
  Result<std::string> Read() {
    if (!opened) TRY_STATUS(Open());
    std::string out;
    std::string buffer(kReadBytes, '\0');
    while (out.empty() && !filter.full()) {
      const bool last = index + 1 == files.size();
      // Asked before reading: what was written before the rename is then read in any case.
      const bool rotated = last && options.follow && Rotated();
      const ssize_t n = ::pread(file.get(), buffer.data(), buffer.size(), offset);
      if (n < 0) return ErrnoError(errno, "read '" + files[index] + "'");
      if (n > 0) {
        offset += n;
        Take(std::string_view(buffer.data(), static_cast<size_t>(n)), &out);
        continue;
      }
      if (!last) {
        ++index;
      } else if (!rotated) {
        break;
      }
      rest.clear();
      offset = 0;
      TRY_STATUS(OpenFile());
    }
    return out;
  }

  void Take(std::string_view bytes, std::string* out) {
    rest.append(bytes);
    size_t begin = 0;
    while (true) {
      const size_t end = rest.find('\n', begin);
      if (end == std::string::npos) break;
      filter.Add(std::string_view(rest).substr(begin, end - begin), out);
      begin = end + 1;
    }
    rest.erase(0, begin);
    if (rest.size() > kEntryBytesMax) rest.clear();
  }
};

LogStream::LogStream(World& world, std::string path, LogOptions options,
                     std::function<bool()> running, Notifier& ended)
    : world_(world),
      running_(std::move(running)),
      ended_(ended),
      follow_(options.follow),
      reader_(std::make_shared<Reader>(std::move(options))) {
  reader_->path = std::move(path);
}

LogStream::~LogStream() = default;

Task<Result<std::optional<http::Chunk>>> LogStream::Next() {
  while (true) {
    // Asked before reading: after the end nothing more is written.
    const bool running = follow_ && running_();
    auto job = [reader = reader_] { return reader->Read(); };
    auto reading = world_.blocking.Run(world_.loop, std::move(job));
    auto text = co_await std::move(reading);
    if (!text.ok()) co_return std::move(text).error();
    if (!text->empty()) {
      http::Chunk chunk;
      chunk.bytes = std::make_shared<const std::string>(std::move(*text));
      co_return std::optional<http::Chunk>(std::move(chunk));
    }
    if (!running || reader_->filter.full()) co_return std::optional<http::Chunk>();
    co_await WaitForMore();
  }
}

Task<void> LogStream::WaitForMore() {
  OneShot<bool> woken(world_.loop);
  TaskScope scope(world_.loop);
  auto written = [](Loop& loop, int fd, OneShot<bool> shot) -> Task<void> {
    co_await FdReady(loop, fd, Loop::FdEvent::kReadable);
    shot.Set(true);
  };
  // The condition is looked at again: the waiting starts in a later turn.
  auto ended = [](LogStream& stream, OneShot<bool> shot) -> Task<void> {
    while (stream.running_()) co_await stream.ended_.Wait();
    shot.Set(true);
  };
  if (world_.loop.asio_context() != nullptr)
    scope.Spawn("log written", written(world_.loop, reader_->inotify.get(), woken));
  scope.Spawn("container ended", ended(*this, woken));
  auto waiting = woken.Wait();
  co_await std::move(waiting);
  std::array<char, 4096> events;
  while (::read(reader_->inotify.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace wherry::nodeagent::streaming
