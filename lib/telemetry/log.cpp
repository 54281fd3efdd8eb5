#include "lib/telemetry/log.h"

#include "lib/base/check.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <mutex>

namespace wherry::telemetry {
namespace {

std::atomic<Level> minimum_level = Level::kInfo;

// What a LogCapture collects; lines may come from helper threads.
struct Captured {
  std::mutex mutex;
  std::atomic<bool> active = false;
  std::vector<LogCapture::Line> lines;
};
Captured& captured() {
  static Captured instance;
  return instance;
}

spdlog::logger& Sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto made = std::make_shared<spdlog::logger>("wherry", sink);
    made->set_level(spdlog::level::trace);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum SpdlogLevel(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void AppendQuoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 15];
    } else {
      line += c;
    }
  }
  line += '"';
}

template <typename T>
void AppendNumber(std::string& line, T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  line.append(buffer.data(), end.ptr);
}

}  // namespace

void Field::AppendTo(std::string& line) const {
  line += ' ';
  line += key_;
  line += '=';
  if (const auto* text = std::get_if<std::string_view>(&value_)) {
    AppendQuoted(line, *text);
  } else if (const auto* integer = std::get_if<int64_t>(&value_)) {
    AppendNumber(line, *integer);
  } else if (const auto* real = std::get_if<double>(&value_)) {
    AppendNumber(line, *real);
  } else {
    line += std::get<bool>(value_) ? "true" : "false";
  }
}

void Logger::Write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  std::string line(component_);
  line += "] ";
  AppendQuoted(line, event);
  for (const Field& field : fields) field.AppendTo(line);
  if (Captured& capture = captured(); capture.active) {
    const std::lock_guard lock(capture.mutex);
    capture.lines.push_back({level, std::move(line)});
    return;
  }
  Sink().log(SpdlogLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

void SetLogLevel(Level level) { minimum_level = level; }

Level LevelFromName(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "warn") return Level::kWarn;
  if (name == "error") return Level::kError;
  return Level::kInfo;
}

LogCapture::LogCapture() {
  CHECK(!captured().active);
  captured().lines.clear();
  captured().active = true;
}
LogCapture::~LogCapture() { captured().active = false; }

std::vector<LogCapture::Line> LogCapture::lines() const {
  const std::lock_guard lock(captured().mutex);
  return captured().lines;
}

bool LogCapture::Contains(Level level, std::string_view text) const {
  for (const Line& line : lines()) {
    if (line.level == level && line.text.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace wherry::telemetry
