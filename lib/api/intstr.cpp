#include "lib/api/intstr.h"

#include "proto/api/meta/v1.pb.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace wherry::api {
namespace {

constexpr int64_t kString = 1;  // intstr.String; 0 is intstr.Int

bool ParseInt(std::string_view text, int32_t* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void SetInt(meta::v1::IntOrString* target, int32_t value) {
  target->Clear();
  target->set_type(0);
  target->set_intval(value);
  target->set_strval("");
}

void SetString(meta::v1::IntOrString* target, std::string_view value) {
  target->Clear();
  target->set_type(kString);
  target->set_intval(0);
  target->set_strval(std::string(value));
}

bool IsString(const meta::v1::IntOrString& value) { return value.type() == kString; }

std::string ToText(const meta::v1::IntOrString& value) {
  return IsString(value) ? value.strval() : std::to_string(value.intval());
}

int32_t IntValue(const meta::v1::IntOrString& value) {
  if (!IsString(value)) return value.intval();
  int32_t number = 0;
  return ParseInt(value.strval(), &number) ? number : 0;
}

Result<int32_t> ScaledValueFromIntOrPercent(const meta::v1::IntOrString& value, int32_t total,
                                            bool round_up) {
  if (!IsString(value)) return value.intval();
  std::string_view text = value.strval();
  int32_t percent = 0;
  if (!text.ends_with('%') || !ParseInt(text.substr(0, text.size() - 1), &percent)) {
    return MakeError(Reason::kInvalid, "invalid value for IntOrString: \"" + value.strval() +
                                           "\" is not a percentage");
  }
  const int64_t product = int64_t{percent} * total;
  int64_t scaled = product / 100;
  if (product % 100 != 0) {
    if (round_up && product > 0) ++scaled;
    if (!round_up && product < 0) --scaled;
  }
  if (scaled > std::numeric_limits<int32_t>::max() ||
      scaled < std::numeric_limits<int32_t>::min()) {
    return MakeError(Reason::kInvalid, "percentage '" + value.strval() + "' is out of range");
  }
  return static_cast<int32_t>(scaled);
}

}  // namespace wherry::api
