#include "apiserver/registry/strategy.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/validation.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>

#include <map>

namespace wherry::apiserver::registry {

namespace {

using google::protobuf::FieldDescriptor;

// The member of that name when it is an object, else null.
const FieldDescriptor* Part(const Message& object, const char* name) {
  const FieldDescriptor* field = object.GetDescriptor()->FindFieldByName(name);
  bool is_object =
      field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE && !field->is_repeated();
  return is_object ? field : nullptr;
}

void CopyPart(Message& to, const Message& from, const FieldDescriptor* part) {
  const auto* reflection = to.GetReflection();
  if (reflection->HasField(from, part)) {
    reflection->MutableMessage(&to, part)->CopyFrom(reflection->GetMessage(from, part));
  } else {
    reflection->ClearField(&to, part);
  }
}

bool SamePart(const Message& a, const Message& b, const FieldDescriptor* part) {
  const auto* reflection = a.GetReflection();
  return google::protobuf::util::MessageDifferencer::Equivalent(reflection->GetMessage(a, part),
                                                                reflection->GetMessage(b, part));
}

}  // namespace

void UpdateStrategy::PrepareForUpdate(const Context&, Message& object, const Message& old) const {
  const FieldDescriptor* status = Part(object, "status");
  const FieldDescriptor* spec = Part(object, "spec");
  if (status == nullptr) return;
  CopyPart(object, old, status);
  if (spec == nullptr || SamePart(object, old, spec)) return;
  auto* metadata = api::MutableMetaOf(&object);
  if (metadata->generation() > 0) metadata->set_generation(metadata->generation() + 1);
}

api::field::ErrorList UpdateStrategy::ValidateUpdate(const Context&, const Message&,
                                                     const Message&) const {
  return {};
}

std::vector<std::string> UpdateStrategy::WarningsOnUpdate(const Context&, const Message&,
                                                          const Message&) const {
  return {};
}

void DefaultStatusStrategy::PrepareForUpdate(const Context&, Message& object,
                                             const Message& old) const {
  std::unique_ptr<Message> merged(old.New());
  merged->CopyFrom(old);
  for (const char* name : {"metadata", "status"}) {
    if (const FieldDescriptor* part = Part(object, name)) CopyPart(*merged, object, part);
  }
  auto* metadata = api::MutableMetaOf(merged.get());
  *metadata->mutable_labels() = api::MetaOf(old).labels();
  *metadata->mutable_ownerreferences() = api::MetaOf(old).ownerreferences();
  object.GetReflection()->Swap(&object, merged.get());
}

void Strategy::Default(Message&) const {}

void Strategy::PrepareForCreate(const Context&, Message& object) const {
  const FieldDescriptor* status = Part(object, "status");
  if (status == nullptr) return;
  object.GetReflection()->ClearField(&object, status);
  if (Part(object, "spec") != nullptr) api::MutableMetaOf(&object)->set_generation(1);
}

api::field::ErrorList Strategy::Validate(const Context&, const Message&) const { return {}; }

std::vector<std::string> Strategy::WarningsOnCreate(const Context&, const Message&) const {
  return {};
}

void Strategy::Canonicalize(Message&) const {}

std::vector<std::string> Strategy::ValidateName(std::string_view name, bool prefix) const {
  return api::NameIsDNSSubdomain(name, prefix);
}

Result<std::unique_ptr<Reservation>> Strategy::Begin(const Context&, Message&,
                                                     const Message*) const {
  return std::unique_ptr<Reservation>();
}

std::unique_ptr<Reservation> Strategy::BeginDelete(const Context&, const Message&) const {
  return nullptr;
}

std::optional<int64_t> Strategy::GracefulDelete(const Context&, const Message&,
                                                const DeleteRequest&) const {
  return std::nullopt;
}

const UpdateStrategy* Strategy::StatusStrategy() const {
  static const DefaultStatusStrategy strategy;
  return Part(*kind_.prototype, "status") != nullptr ? &strategy : nullptr;
}

const UpdateStrategy* Strategy::SubresourceStrategy(std::string_view) const { return nullptr; }

std::span<const std::string_view> Strategy::SubresourceNames() const { return {}; }

std::optional<ScalePaths> Strategy::Scale() const {
  for (const char* part : {"spec", "status"}) {
    const FieldDescriptor* field = Part(*kind_.prototype, part);
    if (field == nullptr) return std::nullopt;
    const FieldDescriptor* replicas = field->message_type()->FindFieldByName("replicas");
    if (replicas == nullptr || replicas->type() != FieldDescriptor::TYPE_INT32) {
      return std::nullopt;
    }
  }
  return ScalePaths();
}

struct KindTable::Impl {
  std::map<const api::KindInfo*, std::unique_ptr<Strategy>> strategies;
};

KindTable::KindTable() : impl_(std::make_unique<Impl>()) {}
KindTable::~KindTable() = default;

void KindTable::Add(std::unique_ptr<Strategy> strategy) {
  const api::KindInfo* kind = &strategy->kind();
  bool added = impl_->strategies.emplace(kind, std::move(strategy)).second;
  CHECK_THAT(added, "two strategies for " + kind->kind);
}

const Strategy& KindTable::For(const api::KindInfo& kind) {
  auto& strategy = impl_->strategies[&kind];
  if (!strategy) strategy = std::make_unique<Strategy>(kind);
  return *strategy;
}

}  // namespace wherry::apiserver::registry
