#include "lib/api/time.h"

#include <array>
#include <cmath>
#include <limits>

namespace wherry::api {
namespace {

struct DurationUnit {
  std::string_view name;
  int64_t nanos;
};
constexpr std::array kUnits = {
    DurationUnit{"ns", 1},
    DurationUnit{"us", 1'000},
    DurationUnit{"\xC2\xB5s", 1'000},
    DurationUnit{"\xCE\xBCs", 1'000},
    DurationUnit{"ms", 1'000'000},
    DurationUnit{"s", 1'000'000'000},
    DurationUnit{"m", 60'000'000'000},
    DurationUnit{"h", 3'600'000'000'000},
};

Error BadDuration(std::string_view text) {
  return MakeError(Reason::kBadRequest, "invalid duration \"" + std::string(text) + "\"");
}

// The longest unit that `text` starts with, null when there is none.
const DurationUnit* UnitAt(std::string_view text) {
  const size_t end = text.find_first_of("0123456789.");
  const std::string_view name = text.substr(0, end);
  for (const DurationUnit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// `nanos` in units of `unit` with up to the digits that matter: "1.5".
std::string Decimal(uint64_t nanos, uint64_t unit) {
  std::string text = std::to_string(nanos / unit);
  uint64_t rest = nanos % unit;
  if (rest == 0) return text;
  text += '.';
  for (uint64_t digit = unit / 10; rest > 0; digit /= 10) {
    text += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return text;
}

}  // namespace

std::string FormatDuration(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  const bool negative = duration.count() < 0;
  uint64_t nanos = static_cast<uint64_t>(duration.count());
  if (negative) nanos = 0 - nanos;
  std::string text = negative ? "-" : "";
  if (nanos < 1'000) return text + std::to_string(nanos) + "ns";
  if (nanos < 1'000'000) return text + Decimal(nanos, 1'000) + "\xC2\xB5s";
  if (nanos < 1'000'000'000) return text + Decimal(nanos, 1'000'000) + "ms";
  const uint64_t hours = nanos / 3'600'000'000'000;
  const uint64_t minutes = nanos / 60'000'000'000 % 60;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + Decimal(nanos % 60'000'000'000, 1'000'000'000) + "s";
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return BadDuration(text);
  long double total = 0;
  while (!rest.empty()) {
    long double number = 0;
    long double scale = 1;
    bool digits = false;
    bool fraction = false;
    while (!rest.empty() && (rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9'))) {
      if (rest[0] == '.') {
        if (fraction) return BadDuration(text);
        fraction = true;
      } else {
        digits = true;
        number = number * 10 + (rest[0] - '0');
        if (fraction) scale *= 10;
      }
      rest.remove_prefix(1);
    }
    const DurationUnit* unit = digits ? UnitAt(rest) : nullptr;
    if (unit == nullptr) return BadDuration(text);
    rest.remove_prefix(unit->name.size());
    total += number * static_cast<long double>(unit->nanos) / scale;
    if (!(total < 9.2e18L)) return BadDuration(text);
  }
  const auto nanos = static_cast<int64_t>(total);
  return std::chrono::nanoseconds(negative ? -nanos : nanos);
}

}  // namespace wherry::api
