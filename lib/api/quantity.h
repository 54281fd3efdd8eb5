#pragma once

#include "lib/base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::api {

namespace meta::v1 {
class Quantity;
}

// A fixed-point number with a suffix: "100m", "1.5Gi", "12e6". Source: apimachinery
// pkg/api/resource.
//
// Value semantics. Digits below one billionth are rounded up, away from zero.
class Quantity {
 public:
  enum class Format { kDecimalSI, kBinarySI, kDecimalExponent };

  Quantity() = default;
  static Quantity FromValue(int64_t value, Format format = Format::kDecimalSI);
  static Quantity FromMilli(int64_t milli, Format format = Format::kDecimalSI);

  // Errors: kBadRequest with upstream's text, which names the regular expression.
  static Result<Quantity> Parse(std::string_view text);
  // Zero when absent or malformed (a stored object has passed validation).
  static Quantity From(const meta::v1::Quantity& message);

  // The canonical form: no fraction, the largest suffix that keeps the value exact. Parse gives the
  // same quantity.
  std::string String() const;
  void To(meta::v1::Quantity* message) const;

  Format format() const { return format_; }
  bool IsZero() const { return mantissa_ == 0; }
  int Sign() const { return mantissa_ > 0 ? 1 : (mantissa_ < 0 ? -1 : 0); }
  // Rounded up (away from zero), and cut to what fits into 64 bits.
  int64_t Value() const { return ScaledValue(0); }
  int64_t MilliValue() const { return ScaledValue(-3); }
  // In units of 10^scale.
  int64_t ScaledValue(int scale) const;
  double AsDouble() const;
  // Drops digits below 10^scale, rounding up; as SetDefaults_ResourceList does with -3.
  void RoundUp(int scale);

  // The left side's format stays, unless it is zero.
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  Quantity operator-() const;
  std::strong_ordering operator<=>(const Quantity& other) const;
  bool operator==(const Quantity& other) const { return (*this <=> other) == 0; }

 private:
  __extension__ using Int128 = __int128;

  // The number is mantissa_ * 10^exponent_, exponent_ >= -9.
  Int128 mantissa_ = 0;
  int exponent_ = 0;
  Format format_ = Format::kDecimalSI;
};

inline Quantity operator+(Quantity left, const Quantity& right) { return left += right; }
inline Quantity operator-(Quantity left, const Quantity& right) { return left -= right; }

}  // namespace wherry::api
