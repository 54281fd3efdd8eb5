#include "apiserver/registry/resource.h"

#include "apiserver/registry/store.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/json/json.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::registry {

ResourceName Resource::name() const { return {kind->group_version.group, kind->plural}; }

storage::Key Resource::Key(std::string_view ns, std::string_view object_name) const {
  storage::Key key = key_prefix;
  if (kind->namespaced) {
    key += ns;
    key += '/';
  }
  key += object_name;
  return key;
}

std::string Resource::Prefix(std::string_view ns) const {
  if (ns.empty() || !kind->namespaced) return key_prefix;
  return key_prefix + std::string(ns) + "/";
}

storage::ObjectPtr Resource::Show(storage::ObjectPtr stored) const {
  if (stored_form == nullptr || !stored) return stored;
  auto message = stored->message();
  if (!message.ok()) return stored;
  std::unique_ptr<Message> object = stored_form->FromStored(**message);
  storage::KeyValue kv = stored->kv();
  kv.value = std::make_shared<const std::string>(StoredBytes(*object));
  return std::make_shared<const storage::CachedObject>(std::move(kv), shown_codec);
}

std::string Resource::StoredValue(Message& object) const {
  if (stored_form == nullptr) return StoredBytes(object);
  return StoredBytes(*stored_form->ToStored(object));
}

std::string Resource::StoredField(std::string_view path) const {
  if (stored_form != nullptr) {
    for (const storage::SelectableField& field : strategy->SelectableFields())
      if (field.path == path && !field.from.empty()) return field.from;
  }
  return std::string(path);
}

Resources::Resources(KindTable& table) {
  for (const api::KindInfo* kind : api::AllResources()) {
    auto resource = std::make_unique<Resource>();
    resource->kind = kind;
    resource->strategy = &table.For(*kind);
    resource->stored_form = resource->strategy->stored_form();
    const api::KindInfo& stored =
        resource->stored_form == nullptr ? *kind : resource->stored_form->kind();
    const std::string& group = stored.group_version.group;
    resource->key_prefix =
        "/registry/" + (group.empty() ? std::string("core") : group) + "/" + stored.plural + "/";
    if (resource->stored_form != nullptr) resource->shown_codec = MakeObjectCodec(*resource);
    all_.push_back(std::move(resource));
  }
}

const Resource* Resources::Find(std::string_view group, std::string_view version,
                                std::string_view plural) const {
  const api::KindInfo* kind = api::FindResource(group, version, plural);
  return kind == nullptr ? nullptr : Find(*kind);
}

const Resource* Resources::Find(const api::KindInfo& kind) const {
  for (const auto& resource : all_) {
    if (resource->kind == &kind) return resource.get();
  }
  return nullptr;
}

namespace {

class KindCodec : public storage::ObjectCodec {
 public:
  explicit KindCodec(const Resource& resource)
      : kind_(*resource.kind),
        fields_(resource.strategy->SelectableFields()),
        indexed_(resource.strategy->IndexedFields()) {}

  const std::vector<storage::SelectableField>& selectable_fields() const override {
    return fields_;
  }
  const std::vector<std::string>& indexed_fields() const override { return indexed_; }

  Result<std::shared_ptr<const Message>> Parse(std::string_view text) const override {
    std::shared_ptr<Message> message(kind_.New());
    // What is in the store was checked on its way there; it must be readable whatever it is.
    const json::ParseLimits none{.max_depth = 10'000, .max_bytes = SIZE_MAX};
    auto parsed = api::FromJson(text, message.get(), nullptr, none);
    if (!parsed.ok()) {
      return MakeError(Reason::kInternalError,
                       "parse a stored " + kind_.kind + ": " + parsed.error().message);
    }
    return std::shared_ptr<const Message>(std::move(message));
  }

  Result<std::string> Protobuf(const Message& message) const override {
    return api::ToProtobuf(message);
  }

 private:
  const api::KindInfo& kind_;
  std::vector<storage::SelectableField> fields_;
  std::vector<std::string> indexed_;
};

}  // namespace

std::shared_ptr<const storage::ObjectCodec> MakeObjectCodec(const Resource& resource) {
  return std::make_shared<KindCodec>(resource);
}

}  // namespace wherry::apiserver::registry
