#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::api {

namespace meta::v1 {
class IntOrString;
}

void SetInt(meta::v1::IntOrString* target, int32_t value);
void SetString(meta::v1::IntOrString* target, std::string_view value);
bool IsString(const meta::v1::IntOrString& value);
// The number, or the text.
std::string ToText(const meta::v1::IntOrString& value);
// The number; text is read as a number, 0 when it is none.
int32_t IntValue(const meta::v1::IntOrString& value);

// The number itself, or "25%" of `total`, rounded as asked.
// Errors: kInvalid when it is text but no percentage.
Result<int32_t> ScaledValueFromIntOrPercent(const meta::v1::IntOrString& value, int32_t total,
                                            bool round_up);

}  // namespace wherry::api
