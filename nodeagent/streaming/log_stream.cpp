#include "nodeagent/streaming/log_stream.h"

#include "lib/linux/fd.h"
#include "lib/loop/blocking.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/streaming/log_files.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

constexpr size_t kReadBytes = 64 * 1024;
// An entry is at most 16 KiB of text and its head.
constexpr size_t kEntryBytesMax = 128 * 1024;

}  // namespace

// Reads on Blocking; one job at a time.
struct LogStream::Reader {
  Reader(std::string path_in, LogOptions options_in)
      : path(std::move(path_in)), options(options_in), filter(std::move(options_in)), files(path) {}

  const std::string path;
  const LogOptions options;
  LogFilter filter;
  LogFiles files;
  std::string rest;  // an entry whose end has not been read
  bool opened = false;
  linux::Fd inotify;

  Status Open() {
    if (options.follow) {
      const std::string directory = path.substr(0, path.rfind('/'));
      inotify = linux::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
      if (!inotify.valid() || ::inotify_add_watch(inotify.get(), directory.c_str(),
                                                  IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return ErrnoError(errno, "watch '" + directory + "'");
    }
    opened = true;
    return files.Open(options.tail_lines, options.follow);
  }

  // Some output, or "" at the end of what is there.
  Result<std::string> Read() {
    if (!opened) TRY_STATUS(Open());
    std::string out;
    std::string buffer(kReadBytes, '\0');
    while (out.empty() && !filter.full()) {
      TRY(const LogFiles::Piece piece, files.Read(buffer));
      if (piece.size == 0) break;
      if (piece.begins_file) rest.clear();
      Take(std::string_view(buffer.data(), piece.size), &out);
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
      reader_(std::make_shared<Reader>(std::move(path), std::move(options))) {}

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
