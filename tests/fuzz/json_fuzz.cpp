// JSON to typed object to JSON: what decodes must come out the same the second time, as text, as a
// document, and through Normalize. The first byte picks the kind.

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/schema.h"
#include "lib/base/check.h"

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kinds = api::AllKinds();
  const api::KindInfo& kind = *kinds[data[0] % kinds.size()];
  std::vector<json::DuplicateKey> duplicates;
  auto document = json::Parse(text, {}, &duplicates);
  if (!document.ok()) {
    auto refused = kind.New();
    CHECK(!api::FromJson(text, refused.get()).ok());
    return 0;
  }
  const json::Value original = *document;
  CHECK(json::Parse(json::Dump(original)).ok());

  std::vector<std::string> unknown;
  const Status valid = api::ValidateFields(original, *kind.schema, &unknown);
  auto message = kind.New();
  const Status decoded = api::FromDocument(original, *kind.schema, message.get());

  // Straight from the text: the same verdict and the same message.
  auto direct = kind.New();
  api::JsonFindings findings;
  const Status read = api::FromJson(text, direct.get(), &findings);
  if (duplicates.empty()) CHECK(read.ok() == valid.ok());
  if (read.ok() && valid.ok()) {
    CHECK_THAT(api::ToJson(*direct) == api::ToJson(*message), std::string(text));
    if (duplicates.empty()) {
      std::sort(findings.unknown_fields.begin(), findings.unknown_fields.end());
      std::sort(unknown.begin(), unknown.end());
      CHECK(findings.unknown_fields == unknown);
      CHECK(findings.kind == api::KindNameOf(original));
    }
  }

  if (!valid.ok()) return 0;
  CHECK_OK(decoded);

  const std::string once = api::ToJson(*message);
  CHECK(once == json::Dump(api::ToDocument(*message)));
  auto again = kind.New();
  CHECK_OK(api::FromJson(once, again.get()));
  CHECK_THAT(api::ToJson(*again) == once, once);

  // Through the protobuf envelope as well.
  auto from_protobuf = api::FromProtobuf(api::ToProtobuf(*message));
  CHECK_OK(from_protobuf);
  CHECK_THAT(api::ToJson(**from_protobuf) == once, once);

  json::Value normal = original;
  api::Normalize(normal, *kind.schema);
  normal["apiVersion"] = kind.ApiVersion();
  normal["kind"] = kind.kind;
  CHECK_THAT(json::Dump(normal) == once, json::Dump(normal) + " / " + once);

  json::Value defaulted = original;
  api::ApplyDefaults(defaulted, *kind.schema);
  CHECK_OK(api::ValidateFields(defaulted, *kind.schema, nullptr));
  auto defaulted_message = kind.New();
  CHECK_OK(api::FromDocument(defaulted, *kind.schema, defaulted_message.get()));
  api::ApplyDefaults(message.get());
  CHECK_THAT(api::ToJson(*message) == api::ToJson(*defaulted_message), api::ToJson(*message));
  CHECK_OK(api::CanonicalizeMessage(message.get()));
  CHECK_THAT(api::ToJson(*message) == api::ToJson(*defaulted_message), api::ToJson(*message));
  api::PruneUnknown(defaulted, *kind.schema);
  unknown.clear();
  CHECK_OK(api::ValidateFields(defaulted, *kind.schema, &unknown));
  CHECK(unknown.empty());
  return 0;
}
