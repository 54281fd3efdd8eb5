#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace wherry {

// A number of seconds that somebody else chose, as a duration that can be added to any present time
// without leaving what a clock's nanoseconds can count: at most a century either way.
constexpr std::chrono::seconds BoundedSeconds(int64_t count) {
  constexpr int64_t kCentury = int64_t{100} * 366 * 24 * 60 * 60;
  return std::chrono::seconds(std::clamp(count, -kCentury, kCentury));
}

}  // namespace wherry
