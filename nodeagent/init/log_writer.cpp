#include "nodeagent/init/log_writer.h"

#include "lib/linux/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <vector>

namespace wherry::nodeagent::init {
namespace {

constexpr size_t kPieceBytesMax = 16 * 1024;

// RFC 3339 with nine digits, UTC.
std::string Timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char text[48];
  int n =
      std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", utc.tm_year + 1900,
                    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec);
  return std::string(text, static_cast<size_t>(n));
}

constexpr int kRotationsPerSecondMax = 1000;

// The suffix upstream's kubelet gives to a rotated log.
std::string RotationSuffix() {
  time_t now = ::time(nullptr);
  tm utc{};
  ::gmtime_r(&now, &utc);
  char text[48];
  int n = std::snprintf(text, sizeof text, "%04d%02d%02d-%02d%02d%02d", utc.tm_year + 1900,
                        utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(text, static_cast<size_t>(n));
}

}  // namespace

Result<LogWriter> LogWriter::Open(linux::Fd directory, std::string name, int64_t bytes_max,
                                  int files_max) {
  LogWriter writer;
  writer.directory_ = std::move(directory);
  writer.name_ = std::move(name);
  writer.bytes_max_ = bytes_max;
  writer.files_max_ = std::max(files_max, 1);
  TRY_STATUS(writer.OpenFile());
  return writer;
}

Status LogWriter::OpenFile() {
  TRY(file_,
      linux::OpenAt(directory_.get(), name_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640));
  struct stat info{};
  size_ = ::fstat(file_.get(), &info) == 0 ? info.st_size : 0;
  return Ok();
}

void LogWriter::Write(Stream stream, std::string_view bytes) {
  if (!file_.valid()) return;
  std::string& partial = partial_[static_cast<int>(stream)];
  while (!bytes.empty()) {
    size_t newline = bytes.find('\n');
    size_t room = kPieceBytesMax - partial.size();
    if (newline != std::string_view::npos && newline <= room) {
      partial += bytes.substr(0, newline);
      WriteEntry(stream, partial, true);
      partial.clear();
      bytes.remove_prefix(newline + 1);
    } else if (bytes.size() >= room) {
      partial += bytes.substr(0, room);
      WriteEntry(stream, partial, false);
      partial.clear();
      bytes.remove_prefix(room);
    } else {
      partial += bytes;
      break;
    }
  }
  Flush();
}

void LogWriter::Finish(Stream stream) {
  std::string& partial = partial_[static_cast<int>(stream)];
  if (file_.valid() && !partial.empty()) WriteEntry(stream, partial, false);
  partial.clear();
  Flush();
}

void LogWriter::WriteEntry(Stream stream, std::string_view text, bool complete) {
  batch_ += Timestamp();
  batch_ += stream == Stream::kStdout ? " stdout " : " stderr ";
  batch_ += complete ? "F " : "P ";
  batch_ += text;
  batch_ += '\n';
}

void LogWriter::Flush() {
  if (batch_.empty()) return;
  size_ += static_cast<int64_t>(batch_.size());
  Ignore(linux::WriteAll(file_.get(), batch_), "a full disk must not stop the container");
  batch_.clear();
  if (bytes_max_ > 0 && size_ >= bytes_max_) Rotate();
}

void LogWriter::Rotate() {
  if (!MoveAside()) return;
  Ignore(OpenFile(), "without a file the output is dropped until the next container");
  std::vector<std::string> old;
  Ignore(linux::ForEachEntry(directory_.get(), ".",
                             [&](const std::string& entry, unsigned char) -> Status {
                               if (entry.starts_with(name_ + ".")) old.push_back(entry);
                               return Ok();
                             }),
         "too many old files are better than none");
  std::ranges::sort(old, std::greater<>());
  for (size_t i = static_cast<size_t>(files_max_ - 1); i < old.size(); ++i) {
    ::unlinkat(directory_.get(), old[i].c_str(), 0);
  }
}

bool LogWriter::MoveAside() {
  std::string base = name_ + "." + RotationSuffix();
  std::string rotated = base;
  // Several files of one second are told apart by three digits, in an order that sorts.
  for (int i = 1; i < kRotationsPerSecondMax; ++i) {
    if (::renameat2(directory_.get(), name_.c_str(), directory_.get(), rotated.c_str(),
                    RENAME_NOREPLACE) == 0) {
      return true;
    }
    if (errno != EEXIST) return false;
    char digits[8];
    std::snprintf(digits, sizeof digits, ".%03d", i);
    rotated = base + digits;
  }
  return false;  // the file goes on growing until the next second
}

}  // namespace wherry::nodeagent::init
