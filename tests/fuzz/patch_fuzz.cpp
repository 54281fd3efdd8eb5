// A document and a patch on two lines: no patch may crash, grow without bound, or leave the
// document unprintable.

#include "lib/api/kind_registry.h"
#include "lib/api/strategic_merge.h"
#include "lib/base/check.h"
#include "lib/json/patch.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return 0;
  auto document = json::Parse(text.substr(0, newline), {.max_depth = 50});
  auto patch = json::Parse(text.substr(newline + 1), {.max_depth = 50});
  if (!document.ok() || !patch.ok()) return 0;

  const json::PatchLimits limits{.max_operations = 100, .max_copied_bytes = 1 << 16};
  auto by_operations = json::ApplyJsonPatch(*document, *patch, limits);
  if (by_operations.ok()) {
    const std::string printed = json::Dump(*by_operations);
    CHECK(printed.size() <= 2 * size + limits.max_copied_bytes + 1024);
    CHECK_OK(json::Parse(printed, {.max_depth = 10'000}));
  }

  json::Value merged = *document;
  json::ApplyMergePatch(merged, *patch);
  json::Value twice = merged;
  json::ApplyMergePatch(twice, *patch);
  CHECK(twice == merged);  // RFC 7386: applying again changes nothing

  for (const char* name : {"Pod", "Service"}) {
    const api::KindInfo* kind = api::FindKind("", "v1", name);
    auto strategic = api::StrategicMergePatch(*document, *patch, *kind->schema);
    if (strategic.ok()) CHECK(strategic->is_object());
  }
  return 0;
}
