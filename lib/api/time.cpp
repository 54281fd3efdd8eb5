#include "lib/api/time.h"

#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace wherry::api {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;

// Years 0000 to 9999, all that RFC 3339 can write.
constexpr int64_t kFirstSecond = -62'167'219'200;
constexpr int64_t kLastSecond = 253'402'300'799;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

UnixTime Split(WallClock time) {
  const int64_t total = std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
  int64_t whole = total / kNanosPerSecond;
  int64_t nanos = total % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --whole;
  }
  return {.seconds = whole, .nanos = static_cast<int32_t>(nanos)};
}

// A clock counts nanoseconds from 1678 to 2262; times beyond become its ends.
WallClock Join(int64_t whole, int32_t nanos) {
  constexpr int64_t kSeconds = std::numeric_limits<int64_t>::max() / kNanosPerSecond - 1;
  whole = std::clamp(whole, -kSeconds, kSeconds);
  return WallClock(
      std::chrono::duration_cast<WallClock::duration>(seconds(whole) + nanoseconds(nanos)));
}

void AppendDigits(std::string& out, int64_t value, int width) {
  std::array<char, 20> digits{};
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<size_t>(width));
}

void AppendDateTime(std::string& out, int64_t unix_seconds) {
  unix_seconds = std::clamp(unix_seconds, kFirstSecond, kLastSecond);
  int64_t days = unix_seconds / 86400;
  int64_t rest = unix_seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  const std::chrono::year_month_day date{sys_days(std::chrono::days(days))};
  AppendDigits(out, static_cast<int>(date.year()), 4);
  out += '-';
  AppendDigits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  AppendDigits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  AppendDigits(out, rest / 3600, 2);
  out += ':';
  AppendDigits(out, rest / 60 % 60, 2);
  out += ':';
  AppendDigits(out, rest % 60, 2);
}

// Reads exactly `width` digits at `*at`.
bool ReadDigits(std::string_view text, size_t* at, size_t width, int* value) {
  if (*at + width > text.size()) return false;
  *value = 0;
  for (size_t i = 0; i < width; ++i) {
    const char c = text[*at + i];
    if (c < '0' || c > '9') return false;
    *value = *value * 10 + (c - '0');
  }
  *at += width;
  return true;
}

bool ReadChar(std::string_view text, size_t* at, char expected) {
  if (*at >= text.size() || text[*at] != expected) return false;
  ++*at;
  return true;
}

// Digits after the point, as billionths; further ones are dropped.
bool ReadFraction(std::string_view text, size_t* at, int32_t* nanos) {
  const size_t start = *at;
  int32_t unit = 100'000'000;
  while (*at < text.size() && text[*at] >= '0' && text[*at] <= '9') {
    *nanos += (text[*at] - '0') * unit;
    unit /= 10;
    ++*at;
  }
  return *at > start;
}

// "Z", "+02:00", "-05:30".
bool ReadOffset(std::string_view text, size_t* at, int64_t* offset_seconds) {
  if (ReadChar(text, at, 'Z')) return true;
  if (*at >= text.size() || (text[*at] != '+' && text[*at] != '-')) return false;
  const int sign = text[(*at)++] == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!ReadDigits(text, at, 2, &hours) || !ReadChar(text, at, ':') ||
      !ReadDigits(text, at, 2, &minutes)) {
    return false;
  }
  if (hours > 24 || minutes > 59) return false;
  *offset_seconds = int64_t{sign} * (hours * 3600 + minutes * 60);
  return true;
}

bool ReadTime(std::string_view text, UnixTime* time) {
  size_t at = 0;
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!ReadDigits(text, &at, 4, &year) || !ReadChar(text, &at, '-') ||
      !ReadDigits(text, &at, 2, &month) || !ReadChar(text, &at, '-') ||
      !ReadDigits(text, &at, 2, &day) || !ReadChar(text, &at, 'T') ||
      !ReadDigits(text, &at, 2, &hour) || !ReadChar(text, &at, ':') ||
      !ReadDigits(text, &at, 2, &minute) || !ReadChar(text, &at, ':') ||
      !ReadDigits(text, &at, 2, &second)) {
    return false;
  }
  if (ReadChar(text, &at, '.') && !ReadFraction(text, &at, &time->nanos)) return false;
  int64_t offset = 0;
  if (!ReadOffset(text, &at, &offset) || at != text.size()) return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  const int64_t utc = int64_t{sys_days(date).time_since_epoch().count()} * 86400 + hour * 3600 +
                      minute * 60 + second - offset;
  if (utc < kFirstSecond || utc > kLastSecond) return false;
  time->seconds = utc;
  return true;
}

}  // namespace

std::string FormatTime(int64_t unix_seconds) {
  std::string out;
  AppendDateTime(out, unix_seconds);
  out += 'Z';
  return out;
}

std::string FormatTime(WallClock time) { return FormatTime(Split(time).seconds); }

std::string FormatMicroTime(int64_t unix_seconds, int32_t nanos) {
  std::string out;
  AppendDateTime(out, unix_seconds);
  out += '.';
  AppendDigits(out, std::clamp(nanos, 0, 999'999'999) / 1000, 6);
  out += 'Z';
  return out;
}

std::string FormatMicroTime(WallClock time) {
  const UnixTime split = Split(time);
  return FormatMicroTime(split.seconds, split.nanos);
}

Result<UnixTime> ParseTime(std::string_view text) {
  UnixTime time;
  if (ReadTime(text, &time)) return time;
  return MakeError(Reason::kBadRequest,
                   "parsing time \"" + std::string(text) +
                       "\" as \"2006-01-02T15:04:05Z07:00\": cannot parse it as RFC 3339");
}

void SetTime(meta::v1::Time* target, WallClock time) {
  target->set_seconds(Split(time).seconds);
  target->set_nanos(0);
}

void SetMicroTime(meta::v1::MicroTime* target, WallClock time) {
  const UnixTime split = Split(time);
  target->set_seconds(split.seconds);
  target->set_nanos(split.nanos / 1000 * 1000);
}

WallClock ToWallClock(const meta::v1::Time& time) { return Join(time.seconds(), time.nanos()); }
WallClock ToWallClock(const meta::v1::MicroTime& time) {
  return Join(time.seconds(), time.nanos());
}

}  // namespace wherry::api
