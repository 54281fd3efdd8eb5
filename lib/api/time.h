#pragma once

#include "lib/base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::api {

namespace meta::v1 {
class MicroTime;
class Time;
}  // namespace meta::v1

using WallClock = std::chrono::system_clock::time_point;

// Go's zero time, 0001-01-01T00:00:00Z, which JSON shows as null.
inline constexpr int64_t kZeroTimeSeconds = -62'135'596'800;

// "2026-11-22T15:04:05Z": metav1.Time, seconds cut off. Years before 0 and after 9999 become those.
std::string FormatTime(WallClock time);
std::string FormatTime(int64_t unix_seconds);
// "2026-11-22T15:04:05.123456Z": metav1.MicroTime.
std::string FormatMicroTime(WallClock time);
std::string FormatMicroTime(int64_t unix_seconds, int32_t nanos);

struct UnixTime {
  int64_t seconds = 0;
  int32_t nanos = 0;
};
// RFC 3339 with any fraction and offset.
// Errors: kBadRequest with Go's text ("parsing time ... ").
Result<UnixTime> ParseTime(std::string_view text);

void SetTime(meta::v1::Time* target, WallClock time);
void SetMicroTime(meta::v1::MicroTime* target, WallClock time);
WallClock ToWallClock(const meta::v1::Time& time);
WallClock ToWallClock(const meta::v1::MicroTime& time);

// Go's time.Duration: "1h2m3s", "1.5s", "100ms", "0s".
std::string FormatDuration(std::chrono::nanoseconds duration);
// Errors: kBadRequest.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);

}  // namespace wherry::api
