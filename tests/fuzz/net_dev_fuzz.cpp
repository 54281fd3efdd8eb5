#include "lib/linux/net_dev.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Whatever the text is, interfaces have names and there are no more of them than lines.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  size_t lines = 1;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  const auto interfaces = wherry::linux::ParseNetDev(text);
  if (interfaces.size() > lines) __builtin_trap();
  for (const auto& interface : interfaces)
    if (interface.name.empty()) __builtin_trap();
  return 0;
}
