#include "nodeagent/images/image_service.h"

#include <cstddef>
#include <cstdint>

// What parses prints as something that parses to the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using wherry::nodeagent::images::ParseImageReference;
  auto parsed = ParseImageReference(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) return 0;
  auto again = ParseImageReference(parsed->ToString());
  CHECK_OK(again);
  CHECK_THAT(again->ToString() == parsed->ToString(), parsed->ToString());
  CHECK(!parsed->repository.empty() && !parsed->registry.empty());
  return 0;
}
