#include "nodeagent/init/protocol.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace wherry::nodeagent::init;

// What decodes is encoded to bytes that decode, and these are encoded the same again.
template <typename Message>
void RoundTrip(std::string_view body) {
  const auto message = Decode<Message>(body);
  if (!message.ok()) return;
  const std::string once = Encode(TypeOf(body), *message);
  const auto again = Decode<Message>(once);
  CHECK_OK(again);
  CHECK(Encode(TypeOf(once), *again) == once);
}

}  // namespace

// Lengths that lie are refused quickly.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  RoundTrip<StartContainer>(body);
  RoundTrip<Snapshot>(body);
  RoundTrip<Attached>(body);
  RoundTrip<StartSupervisor>(body);
  RoundTrip<Attach>(body);
  RoundTrip<CloseInput>(body);
  RoundTrip<OpenSocket>(body);
  return 0;
}
