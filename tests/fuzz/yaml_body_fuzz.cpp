#include "apiserver/request/yaml.h"
#include "lib/base/check.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

// Any bytes as a YAML body: an error or a document that can be written as YAML again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry::apiserver;
  auto document = DocumentFromYaml(std::string_view(reinterpret_cast<const char*>(data), size));
  if (document.ok()) CHECK(!YamlFromDocument(*document).empty());
  return 0;
}
