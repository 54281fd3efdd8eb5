#include "lib/api/quantity.h"

#include <gtest/gtest.h>

#include <limits>

namespace wherry::api {
namespace {

std::string Canonical(std::string_view text) {
  auto quantity = Quantity::Parse(text);
  return quantity.ok() ? quantity->String() : "error: " + quantity.error().message;
}

// The canonical form is what upstream's Quantity.String gives.
TEST(Quantity, CanonicalForm) {
  struct Row {
    const char* text;
    const char* canonical;
  };
  const Row rows[] = {
      {"0", "0"},
      {"-0", "0"},
      {"0.0", "0"},
      {"00.100", "100m"},
      {"1", "1"},
      {"+1", "1"},
      {"1.5", "1500m"},
      {"1000m", "1"},
      {"100m", "100m"},
      {"0.1", "100m"},
      {"1e3", "1e3"},
      {"1E3", "1e3"},
      {"1000", "1k"},
      {"1500", "1500"},
      {"12345k", "12345k"},
      {"1000k", "1M"},
      {"1Ki", "1Ki"},
      {"1024Ki", "1Mi"},
      {"1536Ki", "1536Ki"},
      {"1.5Gi", "1536Mi"},
      {"0.5Ki", "512"},
      {"0.0001Ki", "102400u"},
      {"1023", "1023"},
      {"1025Ki", "1025Ki"},
      {"-1Gi", "-1Gi"},
      {"-100m", "-100m"},
      {"1e-3", "1e-3"},
      {"1e2", "100"},
      {"100e3", "100e3"},
      {"1n", "1n"},
      {"1e-99999999", "1e-9"},
      {"0e99999999", "0"},
      {"0.1n", "1n"},
      {"-0.1n", "-1n"},
      {"1.1n", "2n"},
      {"5E", "5E"},
      {"1000E", "1000E"},
      {"8Ei", "9223372036854775807"},
      {"1.", "1"},
      {".5", "500m"},
      {"123456789123456789", "123456789123456789"},
      {"9223372036854775808", "9223372036854775808"},
  };
  for (const Row& row : rows) EXPECT_EQ(Canonical(row.text), row.canonical) << row.text;
}

TEST(Quantity, CanonicalTextIsStable) {
  for (const char* text :
       {"1.5", "62.5Ki", "0.0001Ki", "3e7", "12e-4", "7Ti", "-2500m", "1000000", "999999999n"}) {
    EXPECT_EQ(Canonical(Canonical(text)), Canonical(text)) << text;
  }
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text :
       {"", "+", "-", ".", "m", "1..2", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu", "1i", "-3.01i",
        "-3.01e-", " 1", "1 ", "1Kii", "0x10", "1e99999"}) {
    auto quantity = Quantity::Parse(text);
    ASSERT_FALSE(quantity.ok()) << text;
    EXPECT_EQ(quantity.error().reason, Reason::kBadRequest);
  }
}

// Upstream takes such a number and then computes with it for minutes.
TEST(Quantity, HugeExponentIsNoSuffix) {
  EXPECT_EQ(Canonical("1e99999999"), "error: unable to parse numeric part of quantity");
  EXPECT_EQ(Canonical("1e99999999999999999999"), "error: unable to parse numeric part of quantity");
}

TEST(Quantity, ValuesRoundAwayFromZero) {
  EXPECT_EQ(Quantity::Parse("1500m")->Value(), 2);
  EXPECT_EQ(Quantity::Parse("-1500m")->Value(), -2);
  EXPECT_EQ(Quantity::Parse("1500m")->MilliValue(), 1500);
  EXPECT_EQ(Quantity::Parse("1u")->MilliValue(), 1);
  EXPECT_EQ(Quantity::Parse("1Gi")->Value(), 1073741824);
  EXPECT_EQ(Quantity::Parse("1e300")->Value(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Quantity::Parse("-1e300")->Value(), std::numeric_limits<int64_t>::min());
  EXPECT_DOUBLE_EQ(Quantity::Parse("250m")->AsDouble(), 0.25);
  Quantity tiny = *Quantity::Parse("1234u");
  tiny.RoundUp(-3);
  EXPECT_EQ(tiny.String(), "2m");
}

TEST(Quantity, Arithmetic) {
  EXPECT_EQ((*Quantity::Parse("1500m") + *Quantity::Parse("1")).String(), "2500m");
  EXPECT_EQ((*Quantity::Parse("1Gi") - *Quantity::Parse("512Mi")).String(), "512Mi");
  EXPECT_EQ((Quantity() + *Quantity::Parse("2Ki")).String(), "2Ki");
  EXPECT_EQ((*Quantity::Parse("1") - *Quantity::Parse("1")).String(), "0");
  // Numbers of very different size add up to the larger one.
  EXPECT_EQ((*Quantity::Parse("1e100") + *Quantity::Parse("1n")).Sign(), 1);
}

TEST(Quantity, Order) {
  EXPECT_EQ(*Quantity::Parse("1000m"), *Quantity::Parse("1"));
  EXPECT_EQ(*Quantity::Parse("1Ki"), *Quantity::Parse("1.024k"));
  EXPECT_LT(*Quantity::Parse("999m"), *Quantity::Parse("1"));
  EXPECT_LT(*Quantity::Parse("-2"), *Quantity::Parse("-1"));
  EXPECT_LT(*Quantity::Parse("-1"), *Quantity::Parse("0"));
  EXPECT_GT(*Quantity::Parse("1e200"), *Quantity::Parse("9E"));
  EXPECT_LT(*Quantity::Parse("12345678901234567890"), *Quantity::Parse("12345678901234567891"));
}

TEST(Quantity, FromNumbers) {
  EXPECT_EQ(Quantity::FromMilli(2500).String(), "2500m");
  EXPECT_EQ(Quantity::FromValue(int64_t{4} << 30, Quantity::Format::kBinarySI).String(), "4Gi");
}

}  // namespace
}  // namespace wherry::api
