// Any stored text: putting a resourceVersion into it, reading its labels and fields. What a parser
// accepts as an object must stay that object, with the revision in it and nothing else changed.

#include "apiserver/storage/cacher/cached_object.h"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace {

using namespace wherry;
using namespace wherry::apiserver::storage;

class Codec : public ObjectCodec {
 public:
  const std::vector<SelectableField>& selectable_fields() const override { return fields_; }
  const std::vector<std::string>& indexed_fields() const override { return indexed_; }
  Result<std::shared_ptr<const google::protobuf::Message>> Parse(std::string_view) const override {
    return MakeError(Reason::kInternalError, "not used");
  }
  Result<std::string> Protobuf(const google::protobuf::Message&) const override {
    return MakeError(Reason::kInternalError, "not used");
  }

 private:
  std::vector<SelectableField> fields_{{"spec.nodeName", ""}, {"status.phase", ""}};
  std::vector<std::string> indexed_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  KeyValue kv{.key = "/k", .value = std::make_shared<const std::string>(text), .mod_revision = 42};
  const CachedObject object(std::move(kv), std::make_shared<Codec>());
  const std::string out = *object.json();
  size_t seen = 0;
  for (const auto& [label, value] : object.labels()) seen += label.size() + value.size();
  for (const char* field : {"metadata.name", "spec.nodeName", "status.phase"})
    seen += object.field(field)->size();
  CHECK(seen <= size * 4);

  auto before = nlohmann::json::parse(text, nullptr, false);
  if (!before.is_object()) return 0;
  auto after = nlohmann::json::parse(out, nullptr, false);
  CHECK_THAT(after.is_object(), out);
  CHECK_THAT(after["metadata"]["resourceVersion"] == "42", out);
  // Nothing else has changed.
  if (!before["metadata"].is_object()) before["metadata"] = nlohmann::json::object();
  before["metadata"]["resourceVersion"] = "42";
  CHECK_THAT(before == after, out);
  return 0;
}
