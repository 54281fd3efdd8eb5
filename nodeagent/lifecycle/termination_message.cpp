#include "nodeagent/lifecycle/termination_message.h"

#include "lib/linux/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace wherry::nodeagent::lifecycle {

namespace {

constexpr size_t kMessageBytesMax = 4096;
constexpr size_t kFallbackBytesMax = 2048;
constexpr size_t kFallbackLinesMax = 80;
constexpr off_t kLogWindowBytes = 64 * 1024;

std::string ReadFrom(int fd, off_t offset, size_t bytes_max) {
  std::string text(bytes_max, '\0');
  size_t done = 0;
  while (done < bytes_max) {
    const ssize_t n =
        ::pread(fd, text.data() + done, bytes_max - done, offset + static_cast<off_t>(done));
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

// "<time> <stream> <F|P> <content>" -> content, with its newline when the line was full.
std::string Content(const std::string& line) {
  size_t position = 0;
  bool full = true;
  for (int field = 0; field < 3; ++field) {
    const size_t space = line.find(' ', position);
    if (space == std::string::npos) return "";
    if (field == 2) full = line[position] == 'F';
    position = space + 1;
  }
  return line.substr(position) + (full ? "\n" : "");
}

std::string LogTail(const std::string& path) {
  const linux::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return "";
  const off_t offset = std::max<off_t>(0, info.st_size - kLogWindowBytes);
  std::string text = ReadFrom(fd.get(), offset, static_cast<size_t>(info.st_size - offset));
  if (offset > 0) text.erase(0, text.find('\n') + 1);
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    lines.push_back(Content(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  std::string tail;
  const size_t first = lines.size() > kFallbackLinesMax ? lines.size() - kFallbackLinesMax : 0;
  for (size_t i = first; i < lines.size(); ++i) tail += lines[i];
  if (tail.size() > kFallbackBytesMax) tail.erase(0, tail.size() - kFallbackBytesMax);
  return tail;
}

}  // namespace

std::string ReadTerminationMessage(const TerminationMessageSource& source) {
  std::string message;
  const linux::Fd fd(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (fd.valid() && ::fstat(fd.get(), &info) == 0) {
    const off_t offset = std::max<off_t>(0, info.st_size - static_cast<off_t>(kMessageBytesMax));
    message = ReadFrom(fd.get(), offset, kMessageBytesMax);
  }
  if (message.empty() && source.fallback_to_logs) message = LogTail(source.log);
  return message;
}

}  // namespace wherry::nodeagent::lifecycle
