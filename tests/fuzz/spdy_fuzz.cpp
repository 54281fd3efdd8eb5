#include "nodeagent/streaming/spdy.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Any bytes give frames or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wherry::nodeagent::streaming::SpdyParser parser;
  parser.Feed(std::string_view(static_cast<const char*>(static_cast<const void*>(data)), size));
  while (true) {
    auto frame = parser.Next();
    if (!frame.ok() || !frame->has_value()) break;
  }
  return 0;
}
