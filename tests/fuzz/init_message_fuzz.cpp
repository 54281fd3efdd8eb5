#include "nodeagent/init/protocol.h"

#include <cstddef>
#include <cstdint>

// A message that decodes encodes to the same bytes; lengths that lie are refused quickly.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace wherry::nodeagent::init;
  std::string_view body(reinterpret_cast<const char*>(data), size);
  auto container = Decode<StartContainer>(body);
  if (container.ok()) CHECK(Decode<StartContainer>(Encode(TypeOf(body), *container)).ok());
  auto snapshot = Decode<Snapshot>(body);
  if (snapshot.ok()) CHECK(Decode<Snapshot>(Encode(TypeOf(body), *snapshot)).ok());
  auto attached = Decode<Attached>(body);
  if (attached.ok()) CHECK(Decode<Attached>(Encode(TypeOf(body), *attached)).ok());
  Decode<StartSupervisor>(body).ok();
  Decode<Attach>(body).ok();
  Decode<CloseInput>(body).ok();
  Decode<OpenSocket>(body).ok();
  return 0;
}
