// Times and durations: what parses prints as text that means the same.

#include "lib/api/time.h"
#include "lib/base/check.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto time = api::ParseTime(text); time.ok()) {
    CHECK(time->nanos >= 0 && time->nanos < 1'000'000'000);
    const std::string printed = api::FormatTime(time->seconds);
    auto again = api::ParseTime(printed);
    CHECK_OK(again);
    CHECK_THAT(api::FormatTime(again->seconds) == printed, printed);
    const std::string micro = api::FormatMicroTime(time->seconds, time->nanos);
    auto with_fraction = api::ParseTime(micro);
    CHECK_OK(with_fraction);
    CHECK_THAT(api::FormatMicroTime(with_fraction->seconds, with_fraction->nanos) == micro, micro);
  }
  if (auto duration = api::ParseDuration(text); duration.ok()) {
    const std::string printed = api::FormatDuration(*duration);
    auto again = api::ParseDuration(printed);
    CHECK_OK(again);
    CHECK_THAT(*again == *duration, printed);
  }
  return 0;
}
