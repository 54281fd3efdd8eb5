#include "lib/http/websocket.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Any bytes give frames or an error, never more payload than there were bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wherry::http::WebSocketParser parser(4096);
  parser.Feed(std::string_view(static_cast<const char*>(static_cast<const void*>(data)), size));
  size_t seen = 0;
  while (true) {
    auto frame = parser.Next();
    if (!frame.ok() || !frame->has_value()) break;
    seen += (*frame)->payload.size();
    if (seen > size) __builtin_trap();
  }
  return 0;
}
