#include "lib/api/quantity.h"

#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace wherry::api {
namespace {

__extension__ using Int128 = __int128;

constexpr Int128 kMax128 = ~(Int128{1} << 127);
constexpr int kNano = -9;
// Far beyond what any amount means, and small enough that sums of exponents do not overflow.
constexpr int kMaxExponent = 1000;
// What larger ones in text are read as: the outcome is the same.
constexpr int kReadExponentMax = 10'000'000;

struct SuffixRow {
  std::string_view text;
  int exponent;
};
constexpr std::array kDecimal = {
    SuffixRow{"n", -9}, SuffixRow{"u", -6}, SuffixRow{"m", -3}, SuffixRow{"", 0},
    SuffixRow{"k", 3},  SuffixRow{"M", 6},  SuffixRow{"G", 9},  SuffixRow{"T", 12},
    SuffixRow{"P", 15}, SuffixRow{"E", 18},
};
constexpr std::array kBinary = {
    SuffixRow{"Ki", 10}, SuffixRow{"Mi", 20}, SuffixRow{"Gi", 30},
    SuffixRow{"Ti", 40}, SuffixRow{"Pi", 50}, SuffixRow{"Ei", 60},
};

Error WrongFormat() {
  return MakeError(Reason::kBadRequest,
                   "quantities must match the regular expression "
                   "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}
Error WrongNumber() {
  return MakeError(Reason::kBadRequest, "unable to parse numeric part of quantity");
}
Error WrongSuffix() { return MakeError(Reason::kBadRequest, "unable to parse quantity's suffix"); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Multiplies by 10 `times` times; false, leaving `value` alone, when that does not fit.
bool TimesTen(Int128* value, int times) {
  Int128 result = *value;
  for (int i = 0; i < times; ++i) {
    if (result > kMax128 / 10 || result < -(kMax128 / 10)) return false;
    result *= 10;
  }
  *value = result;
  return true;
}

// Divides by 10 `times` times, away from zero.
Int128 DivideUp(Int128 value, int times) {
  bool inexact = false;
  const bool negative = value < 0;
  for (; times > 0 && value != 0; --times) {
    inexact = inexact || value % 10 != 0;
    value /= 10;
  }
  if (inexact) value += negative ? -1 : 1;
  return value;
}

void StripZeros(Int128* mantissa, int* exponent) {
  if (*mantissa == 0) {
    *exponent = 0;
    return;
  }
  if (*mantissa <= std::numeric_limits<int64_t>::max() &&
      *mantissa >= std::numeric_limits<int64_t>::min()) {
    auto small = static_cast<int64_t>(*mantissa);
    for (; small % 10 == 0; small /= 10) ++*exponent;
    *mantissa = small;
    return;
  }
  for (; *mantissa % 10 == 0; *mantissa /= 10) ++*exponent;
}

std::string ToText(Int128 value) {
  if (value <= std::numeric_limits<int64_t>::max() &&
      value >= std::numeric_limits<int64_t>::min()) {
    return std::to_string(static_cast<int64_t>(value));
  }
  const bool negative = value < 0;
  std::string digits;
  for (; value != 0; value /= 10) {
    const int digit = static_cast<int>(value % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

int DigitCount(Int128 value) {
  int count = 0;
  for (; value != 0; value /= 10) ++count;
  return count;
}

struct Number {
  bool negative = false;
  Int128 mantissa = 0;
  int exponent = 0;
  std::string_view suffix;
};

Result<Number> ReadNumber(std::string_view text) {
  Number number;
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) number.negative = text[at++] == '-';
  bool digits = false;
  bool point = false;
  bool dropped = false;
  for (; at < text.size() && (IsDigit(text[at]) || text[at] == '.'); ++at) {
    if (text[at] == '.') {
      if (point) return WrongFormat();
      point = true;
      continue;
    }
    digits = true;
    const int digit = text[at] - '0';
    Int128 shifted = number.mantissa;
    if (dropped || !TimesTen(&shifted, 1)) {
      // More than 37 digits: what is cut off after the point can only matter to rounding.
      if (!point) return WrongNumber();
      dropped = true;
      continue;
    }
    number.mantissa = shifted + digit;
    if (point) --number.exponent;
  }
  if (!digits) return WrongFormat();
  number.suffix = text.substr(at);
  return number;
}

// "e6", "E-3"; false when it is none.
bool ReadExponent(std::string_view suffix, int* exponent) {
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return false;
  suffix.remove_prefix(1);
  const bool negative = suffix[0] == '-';
  if (negative || suffix[0] == '+') suffix.remove_prefix(1);
  if (suffix.empty()) return false;
  int value = 0;
  for (char c : suffix) {
    if (!IsDigit(c)) return false;
    value = std::min(value * 10 + (c - '0'), kReadExponentMax);
  }
  *exponent = negative ? -value : value;
  return true;
}

const SuffixRow* FindSuffix(std::span<const SuffixRow> rows, std::string_view text) {
  for (const SuffixRow& row : rows) {
    if (row.text == text) return &row;
  }
  return nullptr;
}

}  // namespace

Quantity Quantity::FromValue(int64_t value, Format format) {
  Quantity quantity;
  quantity.mantissa_ = value;
  quantity.format_ = format;
  StripZeros(&quantity.mantissa_, &quantity.exponent_);
  return quantity;
}

Quantity Quantity::FromMilli(int64_t milli, Format format) {
  Quantity quantity;
  quantity.mantissa_ = milli;
  quantity.exponent_ = -3;
  quantity.format_ = format;
  StripZeros(&quantity.mantissa_, &quantity.exponent_);
  return quantity;
}

Result<Quantity> Quantity::Parse(std::string_view text) {
  TRY(Number number, ReadNumber(text));
  Quantity quantity;
  int suffix_exponent = 0;
  if (const SuffixRow* decimal = FindSuffix(kDecimal, number.suffix)) {
    number.exponent += decimal->exponent;
  } else if (const SuffixRow* binary = FindSuffix(kBinary, number.suffix)) {
    quantity.format_ = Format::kBinarySI;
    constexpr Int128 kCap = std::numeric_limits<int64_t>::max();
    if (number.mantissa > kMax128 >> binary->exponent) {
      number.mantissa = kCap;
      number.exponent = 0;
    } else {
      number.mantissa <<= binary->exponent;
    }
    Int128 whole =
        number.exponent < 0 ? DivideUp(number.mantissa, -number.exponent) : number.mantissa;
    if (whole > kCap) {
      number.mantissa = kCap;
      number.exponent = 0;
    } else if (number.mantissa > 0 && whole <= 1 &&
               DivideUp(number.mantissa - 1, -number.exponent) < 1) {
      quantity.format_ = Format::kDecimalSI;  // below one
    }
  } else if (ReadExponent(number.suffix, &suffix_exponent)) {
    number.exponent += suffix_exponent;
    quantity.format_ = Format::kDecimalExponent;
  } else {
    return WrongSuffix();
  }
  if (number.exponent < kNano) {
    number.mantissa = DivideUp(number.mantissa, kNano - number.exponent);
    number.exponent = kNano;
  }
  quantity.mantissa_ = number.negative ? -number.mantissa : number.mantissa;
  quantity.exponent_ = number.exponent;
  StripZeros(&quantity.mantissa_, &quantity.exponent_);
  if (quantity.exponent_ > kMaxExponent) return WrongNumber();
  return quantity;
}

Quantity Quantity::From(const meta::v1::Quantity& message) {
  auto parsed = Parse(message.string());
  return parsed.ok() ? *parsed : Quantity();
}

void Quantity::To(meta::v1::Quantity* message) const { message->set_string(String()); }

std::string Quantity::String() const {
  if (mantissa_ == 0) return "0";
  Int128 number = mantissa_;
  if (format_ == Format::kBinarySI && exponent_ >= 0 && TimesTen(&number, exponent_) &&
      (number >= 1024 || number <= -1024)) {
    size_t step = 0;
    for (; number % 1024 == 0 && step < kBinary.size(); ++step) number /= 1024;
    // Without a binary suffix the text would be read back as decimal; upstream prints it
    // differently then.
    if (step > 0) return ToText(number) + std::string(kBinary[step - 1].text);
  }
  // The exponent goes down to a multiple of three, and for suffixes to at most 18.
  number = mantissa_;
  int exponent = exponent_;
  int excess = ((exponent % 3) + 3) % 3;
  if (format_ != Format::kDecimalExponent && exponent - excess > 18) excess = exponent - 18;
  if (TimesTen(&number, excess)) exponent -= excess;
  std::string text = ToText(number);
  if (format_ == Format::kDecimalExponent || exponent > 18 || exponent % 3 != 0) {
    if (exponent != 0) text += "e" + std::to_string(exponent);
    return text;
  }
  for (const SuffixRow& row : kDecimal) {
    if (row.exponent == exponent) text += row.text;
  }
  return text;
}

int64_t Quantity::ScaledValue(int scale) const {
  Int128 value = mantissa_;
  if (exponent_ < scale) {
    value = DivideUp(value, scale - exponent_);
  } else if (!TimesTen(&value, exponent_ - scale)) {
    value = mantissa_ > 0 ? kMax128 : -kMax128;
  }
  if (value > std::numeric_limits<int64_t>::max()) return std::numeric_limits<int64_t>::max();
  if (value < std::numeric_limits<int64_t>::min()) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

double Quantity::AsDouble() const {
  return static_cast<double>(mantissa_) * std::pow(10.0, exponent_);
}

void Quantity::RoundUp(int scale) {
  if (exponent_ >= scale) return;
  mantissa_ = DivideUp(mantissa_, scale - exponent_);
  exponent_ = scale;
  StripZeros(&mantissa_, &exponent_);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  if (IsZero()) format_ = other.format_;
  if (other.IsZero()) return *this;
  if (IsZero()) {
    mantissa_ = other.mantissa_;
    exponent_ = other.exponent_;
    return *this;
  }
  Int128 left = mantissa_;
  Int128 right = other.mantissa_;
  int exponent = std::min(exponent_, other.exponent_);
  // Where the numbers are too far apart for 127 bits, the last digits of the smaller one give way.
  while (!TimesTen(&left, exponent_ - exponent) || !TimesTen(&right, other.exponent_ - exponent)) {
    left = mantissa_;
    right = other.mantissa_;
    ++exponent;
    if (exponent > exponent_) left = DivideUp(left, exponent - exponent_);
    if (exponent > other.exponent_) right = DivideUp(right, exponent - other.exponent_);
  }
  constexpr Int128 kHalf = kMax128 / 2;
  if (left > kHalf || left < -kHalf || right > kHalf || right < -kHalf) {
    left = DivideUp(left, 1);
    right = DivideUp(right, 1);
    ++exponent;
  }
  mantissa_ = left + right;
  exponent_ = exponent;
  StripZeros(&mantissa_, &exponent_);
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) { return *this += -other; }

Quantity Quantity::operator-() const {
  Quantity negated = *this;
  negated.mantissa_ = -mantissa_;
  return negated;
}

std::strong_ordering Quantity::operator<=>(const Quantity& other) const {
  if (Sign() != other.Sign()) return Sign() <=> other.Sign();
  if (IsZero()) return std::strong_ordering::equal;
  const int magnitude = DigitCount(mantissa_) + exponent_;
  const int other_magnitude = DigitCount(other.mantissa_) + other.exponent_;
  if (magnitude != other_magnitude) {
    return Sign() > 0 ? magnitude <=> other_magnitude : other_magnitude <=> magnitude;
  }
  // Equally many digits before the point: the one with fewer digits in all can be widened.
  Int128 left = mantissa_;
  Int128 right = other.mantissa_;
  const int exponent = std::min(exponent_, other.exponent_);
  if (!TimesTen(&left, exponent_ - exponent)) left = Sign() > 0 ? kMax128 : -kMax128;
  if (!TimesTen(&right, other.exponent_ - exponent)) right = Sign() > 0 ? kMax128 : -kMax128;
  return left < right   ? std::strong_ordering::less
         : left > right ? std::strong_ordering::greater
                        : std::strong_ordering::equal;
}

}  // namespace wherry::api
