#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The log of a container as the runtime writes it: "<RFC 3339 time> <stream> <P|F> <text>\n".
// Pure, any thread. Source: kubelet CRI logging design, pkg/kubelet/kuberuntime/logs.
namespace wherry::nodeagent::streaming {

struct LogLine {
  std::string_view time;    // as written
  std::string_view stream;  // "stdout", "stderr"
  bool partial = false;     // the line goes on in the next entry
  std::string_view text;    // without the newline
};
// One entry without its newline; nullopt when it is malformed.
std::optional<LogLine> ParseLogLine(std::string_view line);

struct LogOptions {
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::string since;  // RFC 3339 in UTC with nine digits; "" is the beginning
  bool timestamps = false;
  bool follow = false;
  bool previous = false;
};

// "2026-11-22T15:04:05.123456789Z", so that texts compare as times do; a time with fewer digits is
// filled up. Text that is no such time comes back as it is.
std::string NormalizeTime(std::string_view time);

// Turns entries into what a reader gets. Keeps the limit of bytes and, between chunks, whether the
// last entry was partial.
class LogFilter {
 public:
  explicit LogFilter(LogOptions options) : options_(std::move(options)) {}
  // Appends the output of one entry.
  void Add(std::string_view line, std::string* out);
  bool full() const { return options_.limit_bytes && sent_ >= *options_.limit_bytes; }

 private:
  LogOptions options_;
  int64_t sent_ = 0;
  bool in_line_ = false;
};

// Where the last `lines` lines of `text` begin.
size_t TailOffset(std::string_view text, int64_t lines);

}  // namespace wherry::nodeagent::streaming
