#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Structured log lines on stderr: an event, then key=value pairs. Any thread.
namespace wherry::telemetry {

// kWarn: we carry on, and the line says what was skipped. kError: someone must look.
enum class Level { kDebug, kInfo, kWarn, kError };

// One pair of a line. Borrows strings: made in the call, gone after it.
class Field {
 public:
  Field(std::string_view key, std::string_view value) : key_(key), value_(value) {}
  Field(std::string_view key, const char* value) : key_(key), value_(std::string_view(value)) {}
  Field(std::string_view key, const std::string& value)
      : key_(key), value_(std::string_view(value)) {}
  Field(std::string_view key, bool value) : key_(key), value_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Field(std::string_view key, T value) : key_(key), value_(static_cast<int64_t>(value)) {}
  Field(std::string_view key, double value) : key_(key), value_(value) {}

  // Appends ` key="value"`; strings are quoted, with control characters escaped.
  void AppendTo(std::string& line) const;

 private:
  std::string_view key_;
  std::variant<std::string_view, int64_t, double, bool> value_;
};

// Lines of one component: `const telemetry::Logger log("kubelet");` then
// `log.Info("pod synced", {{"pod", key}, {"took_ms", took}});`. `component` must outlive it.
class Logger {
 public:
  constexpr explicit Logger(std::string_view component) : component_(component) {}

  void Debug(std::string_view event, std::initializer_list<Field> fields = {}) const {
    Write(Level::kDebug, event, fields);
  }
  void Info(std::string_view event, std::initializer_list<Field> fields = {}) const {
    Write(Level::kInfo, event, fields);
  }
  void Warn(std::string_view event, std::initializer_list<Field> fields = {}) const {
    Write(Level::kWarn, event, fields);
  }
  void Error(std::string_view event, std::initializer_list<Field> fields = {}) const {
    Write(Level::kError, event, fields);
  }

 private:
  void Write(Level level, std::string_view event, std::initializer_list<Field> fields) const;

  std::string_view component_;
};

// Lines below `level` are dropped; kInfo at the start.
void SetLogLevel(Level level);
// The level spelled "debug", "info", "warn" or "error"; kInfo for anything else.
Level LevelFromName(std::string_view name);

// For tests: while it lives, lines are kept here and not printed. One at a time.
class LogCapture {
 public:
  struct Line {
    Level level;
    std::string text;  // `component] "event" key="value"`
  };
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::vector<Line> lines() const;
  // Whether a line of this level contains `text`.
  bool Contains(Level level, std::string_view text) const;
};

}  // namespace wherry::telemetry
