// Label and field selectors: what parses prints a canonical text that parses to the same, and
// matches the same.

#include "lib/api/fields.h"
#include "lib/api/labels.h"
#include "lib/base/check.h"

#include <cstdint>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const api::LabelMap labels = {{"a", "b"}, {"n", "5"}, {"x", ""}};
  auto selector = api::Selector::Parse(text);
  if (selector.ok()) {
    auto again = api::Selector::Parse(selector->String());
    CHECK_OK(again);
    CHECK_THAT(again->String() == selector->String(), selector->String());
    CHECK(again->Matches(labels) == selector->Matches(labels));
  }
  auto fields = api::FieldSelector::Parse(text);
  if (fields.ok()) {
    auto again = api::FieldSelector::Parse(fields->String());
    CHECK_OK(again);
    CHECK_THAT(again->String() == fields->String(), fields->String());
    auto get = [](std::string_view field) { return field; };
    CHECK(again->MatchesBy(get) == fields->MatchesBy(get));
  }
  return 0;
}
