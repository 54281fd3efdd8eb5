// Protobuf bodies, as any authenticated client may send them: an envelope, or (first byte not 0)
// the bytes of a message of the kind that the byte picks. What is accepted is printed as JSON that
// decodes, and that stays the same from then on (an empty Time is printed as null, which counts as
// absent, as in Go).

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/base/check.h"

#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kinds = api::AllKinds();
  const api::KindInfo& kind = *kinds[data[0] % kinds.size()];
  auto decoded = api::FromProtobuf(
      data[0] == 0 ? std::string(bytes) : api::WrapProtobuf(bytes, kind.ApiVersion(), kind.kind));
  if (!decoded.ok() || !api::CanonicalizeMessage(decoded->get()).ok()) return 0;
  api::ApplyDefaults(decoded->get());
  const std::string printed = api::ToJson(**decoded);
  std::unique_ptr<google::protobuf::Message> read((*decoded)->New());
  CHECK_THAT(api::FromJson(printed, read.get()).ok(), printed);
  const std::string once = api::ToJson(*read);
  std::unique_ptr<google::protobuf::Message> again((*decoded)->New());
  CHECK_THAT(api::FromJson(once, again.get()).ok(), once);
  CHECK_THAT(api::ToJson(*again) == once, once);
  return 0;
}
