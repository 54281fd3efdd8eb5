#include "tests/integration/images/tar_builder.h"

#include <cstdio>
#include <cstring>

namespace wherry::nodeagent::images {

TarBuilder& TarBuilder::Add(Type type, const std::string& path, std::string_view content,
                            const std::string& link, int mode) {
  char block[512] = {};
  std::memcpy(block, path.data(), std::min<size_t>(path.size(), 100));
  std::snprintf(block + 100, 8, "%07o", static_cast<unsigned>(mode));
  std::snprintf(block + 108, 8, "%07o", 0u);
  std::snprintf(block + 116, 8, "%07o", 0u);
  std::snprintf(block + 124, 12, "%011o", static_cast<unsigned>(content.size()));
  std::snprintf(block + 136, 12, "%011o", 1000000u);
  std::memset(block + 148, ' ', 8);
  block[156] = static_cast<char>(type);
  std::memcpy(block + 157, link.data(), std::min<size_t>(link.size(), 100));
  std::memcpy(block + 257, "ustar\00000", 8);
  std::snprintf(block + 329, 8, "%07o", 8u);
  std::snprintf(block + 337, 8, "%07o", 1u);
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(block + 148, 8, "%06o", sum);
  bytes_.append(block, sizeof block);
  bytes_ += content;
  bytes_.append((512 - content.size() % 512) % 512, '\0');
  return *this;
}

}  // namespace wherry::nodeagent::images
