#include "nodeagent/images/tar_path.h"

#include <cstddef>
#include <cstdint>

// A cleaned path stays below the root, and cleaning it again changes nothing.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry::nodeagent::images;
  auto clean = CleanTarPath(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!clean.ok()) return 0;
  std::string joined;
  for (const std::string& component : clean->components) {
    CHECK(!component.empty() && component != "." && component != "..");
    CHECK(component.find('/') == std::string::npos && component.find('\0') == std::string::npos);
    joined += "/" + component;
  }
  auto again = CleanTarPath(joined);
  CHECK_OK(again);
  CHECK(again->components == clean->components);
  auto whiteout = ParseWhiteout(clean->name());
  if (whiteout.ok() && whiteout->kind == WhiteoutKind::kRemove) {
    CHECK(!whiteout->name.empty() && whiteout->name != "." && whiteout->name != "..");
  }
  return 0;
}
