// Quantities: the canonical text is stable and means the same number.

#include "lib/api/quantity.h"
#include "lib/base/check.h"

#include <cstdint>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto quantity = api::Quantity::Parse(text);
  if (!quantity.ok()) return 0;
  const std::string canonical = quantity->String();
  auto again = api::Quantity::Parse(canonical);
  CHECK_OK(again);
  CHECK_THAT(again->String() == canonical, canonical);
  CHECK_THAT(*again == *quantity, canonical);
  CHECK(again->MilliValue() == quantity->MilliValue());
  CHECK((*quantity - *quantity).IsZero());
  CHECK((*quantity + *quantity).Sign() == quantity->Sign());
  CHECK(-(-*quantity) == *quantity);
  return 0;
}
