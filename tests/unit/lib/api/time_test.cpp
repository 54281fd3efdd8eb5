#include "lib/api/time.h"

#include "lib/api/intstr.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::api {
namespace {

using std::chrono::nanoseconds;

TEST(Time, FormatAndParse) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1795359845), "2026-11-22T15:04:05Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(FormatMicroTime(1795359845, 1234567), "2026-11-22T15:04:05.001234Z");
  EXPECT_EQ(ParseTime("2026-11-22T15:04:05Z")->seconds, 1795359845);
  EXPECT_EQ(ParseTime("2026-11-22T17:04:05.5+02:00")->seconds, 1795359845);
  EXPECT_EQ(ParseTime("2026-11-22T17:04:05.5+02:00")->nanos, 500'000'000);
  EXPECT_EQ(ParseTime("0001-01-01T00:00:00Z")->seconds, kZeroTimeSeconds);
  for (const char* text :
       {"", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T15:04:05", "2026-11-22T15:04:05.Z", "2026-11-22 15:04:05Z",
        "2026-11-22T15:04:05Zx", "9999-12-31T23:59:59-23:00"}) {
    EXPECT_FALSE(ParseTime(text).ok()) << text;
  }
}

TEST(Time, Messages) {
  const WallClock now{std::chrono::seconds(1795359845) + std::chrono::microseconds(7)};
  meta::v1::Time time;
  SetTime(&time, now);
  EXPECT_EQ(time.seconds(), 1795359845);
  meta::v1::MicroTime micro;
  SetMicroTime(&micro, now);
  EXPECT_EQ(ToWallClock(micro), now);
}

TEST(Duration, FormatAndParse) {
  struct Row {
    int64_t nanos;
    const char* text;
  };
  const Row rows[] = {{0, "0s"},
                      {1, "1ns"},
                      {1'500, "1.5\xC2\xB5s"},
                      {2'000'000, "2ms"},
                      {1'000'000'000, "1s"},
                      {90'000'000'000, "1m30s"},
                      {3'600'000'000'000, "1h0m0s"},
                      {-1'500'000'000, "-1.5s"}};
  for (const Row& row : rows) {
    EXPECT_EQ(FormatDuration(nanoseconds(row.nanos)), row.text);
    EXPECT_EQ(*ParseDuration(row.text), nanoseconds(row.nanos)) << row.text;
  }
  EXPECT_EQ(*ParseDuration("1.5h"), std::chrono::minutes(90));
  for (const char* text : {"", "1", "s", "1x", "1.2.3s", "9999999999h", "1s "}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

// What a clock cannot count becomes the nearest that it can.
TEST(Time, BeyondTheClock) {
  meta::v1::Time time;
  time.set_seconds(ParseTime("9999-12-31T23:59:59Z")->seconds);
  EXPECT_GT(ToWallClock(time), WallClock(std::chrono::seconds(9'000'000'000)));
  time.set_seconds(std::numeric_limits<int64_t>::min());
  EXPECT_LT(ToWallClock(time), WallClock(-std::chrono::seconds(9'000'000'000)));
  time.set_seconds(1'700'000'000);
  EXPECT_EQ(ToWallClock(time), WallClock(std::chrono::seconds(1'700'000'000)));
}

TEST(IntOrString, ScaledValue) {
  meta::v1::IntOrString value;
  SetInt(&value, 3);
  EXPECT_EQ(*ScaledValueFromIntOrPercent(value, 10, true), 3);
  EXPECT_EQ(ToText(value), "3");
  SetString(&value, "25%");
  EXPECT_EQ(*ScaledValueFromIntOrPercent(value, 10, true), 3);
  EXPECT_EQ(*ScaledValueFromIntOrPercent(value, 10, false), 2);
  EXPECT_EQ(ToText(value), "25%");
  SetString(&value, "abc");
  EXPECT_FALSE(ScaledValueFromIntOrPercent(value, 10, true).ok());
  EXPECT_EQ(IntValue(value), 0);
}

}  // namespace
}  // namespace wherry::api
