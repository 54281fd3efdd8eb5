#include "apiserver/registry/object_meta.h"
#include "apiserver/registry/store.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

#include <charconv>

namespace wherry::apiserver::registry {

using api::meta::v1::ObjectMeta;
using storage::ObjectPtr;

namespace {

// Writers that come in between are many under contention, but each of their rounds lets one
// through.
constexpr int kUpdateAttempts = 1000;

// What an update leaves as it was. Source: rest.BeforeUpdate.
void KeepSystemFields(ObjectMeta& metadata, const ObjectMeta& old, bool namespaced) {
  metadata.set_generation(old.generation());
  if (old.generation() == 0) metadata.clear_generation();
  if (metadata.uid().empty()) metadata.set_uid(old.uid());
  if (namespaced && metadata.namespace_().empty()) metadata.set_namespace_(old.namespace_());
  if (!namespaced) metadata.clear_namespace_();
  if (old.has_creationtimestamp()) {
    *metadata.mutable_creationtimestamp() = old.creationtimestamp();
  }
  if (old.has_deletiontimestamp()) {
    *metadata.mutable_deletiontimestamp() = old.deletiontimestamp();
  }
  if (old.has_deletiongraceperiodseconds()) {
    metadata.set_deletiongraceperiodseconds(old.deletiongraceperiodseconds());
  }
  metadata.clear_selflink();
  metadata.clear_managedfields();
}

// Upstream reads it as an unsigned number, and answers 500 when it cannot.
bool IsRevision(std::string_view text) {
  uint64_t revision = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), revision);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

// Whether this update was the last thing a deleted object waited for.
bool ShouldDelete(const Strategy& strategy, const Message& object, const ObjectMeta& old) {
  if (api::MetaOf(object).finalizers_size() > 0 || !old.has_deletiontimestamp()) return false;
  if (old.has_deletiongraceperiodseconds() && old.deletiongraceperiodseconds() != 0) return false;
  return !strategy.HoldsDeletion(object);
}

}  // namespace

Status Store::PrepareUpdate(const Resource& resource, const UpdateStrategy& strategy,
                            const Context& context, Message& object, const Message& current,
                            std::unique_ptr<Reservation>& reservation,
                            std::vector<std::string>& warnings) {
  ObjectMeta& metadata = *api::MutableMetaOf(&object);
  const ObjectMeta& old = api::MetaOf(current);
  const api::KindInfo& kind = *resource.kind;
  // "0" is read as none.
  if (metadata.resourceversion().empty() || metadata.resourceversion() == "0") {
    if (!resource.strategy->AllowUnconditionalUpdate()) {
      api::field::ErrorList errors;
      errors.Invalid(api::field::Path("metadata").Child("resourceVersion"),
                     api::field::BadValue::Raw("0x0"), "must be specified for an update");
      return errors.ToError(kind.group_version.group, kind.plural, old.name());
    }
  } else if (!IsRevision(metadata.resourceversion())) {
    api::field::ErrorList errors;
    errors.Invalid(api::field::Path("metadata").Child("resourceVersion"),
                   metadata.resourceversion(), "must be the resourceVersion of a read object");
    return errors.ToError(kind.group_version.group, kind.kind, old.name());
  } else if (metadata.resourceversion() != old.resourceversion()) {
    return ConflictError(resource.name(), old.name());
  }
  if (!metadata.uid().empty() && metadata.uid() != old.uid()) {
    return ConflictError(resource.name(), old.name(),
                         "Precondition failed: UID in precondition: " + metadata.uid() +
                             ", UID in object meta: " + old.uid());
  }
  KeepSystemFields(metadata, old, kind.namespaced);
  TRY_STATUS(CheckRestrictions(resource, context, &object, &current));
  if (context.subresource.empty()) {
    if (admitter_ != nullptr) {
      TRY_STATUS(admitter_->Admit(context, kind, object, &current));
    }
    TRY(reservation, resource.strategy->Begin(context, object, &current));
  }
  strategy.PrepareForUpdate(context, object, current);
  auto errors = ValidateObjectMetaUpdate(api::MetaOf(object), old);
  errors.Append(strategy.ValidateUpdate(context, object, current));
  if (!errors.empty()) {
    return errors.ToError(kind.group_version.group, kind.kind, old.name());
  }
  warnings = strategy.WarningsOnUpdate(context, object, current);
  resource.strategy->Canonicalize(object);
  return Ok();
}

Task<Result<Written>> Store::CreateOnUpdate(const Resource& resource, Caller caller,
                                            UpdateRequest request) {
  if (request.may_create) CO_TRY_STATUS(request.may_create());
  CO_TRY(std::unique_ptr<Message> object, request.updater(nullptr));
  api::MutableMetaOf(object.get())->clear_resourceversion();
  auto create = Create(resource, std::move(caller), std::move(request.ns), std::move(object));
  co_return co_await std::move(create);
}

Task<Result<Written>> Store::Update(const Resource& resource, Caller caller,
                                    UpdateRequest request) {
  const UpdateStrategy& strategy =
      request.strategy != nullptr ? *request.strategy : *resource.strategy;
  ObjectPtr current = Get(resource, request.ns, request.name);
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    if (!current) {
      if (!resource.strategy->AllowCreateOnUpdate() || !caller.subresource.empty()) {
        co_return NotFoundError(resource.name(), request.name);
      }
      auto create = CreateOnUpdate(resource, std::move(caller), std::move(request));
      co_return co_await std::move(create);
    }
    CO_TRY(auto old, current->message());
    if (!request.uid.empty() && request.uid != api::MetaOf(*old).uid()) {
      co_return ConflictError(resource.name(), request.name,
                              "Precondition failed: UID in precondition: " + request.uid +
                                  ", UID in object meta: " + api::MetaOf(*old).uid());
    }
    CO_TRY(std::unique_ptr<Message> object, request.updater(old.get()));
    Written written;
    std::unique_ptr<Reservation> reservation;
    Context context = MakeContext(caller);
    CO_TRY_STATUS(
        PrepareUpdate(resource, strategy, context, *object, *old, reservation, written.warnings));
    bool remove = ShouldDelete(*resource.strategy, *object, api::MetaOf(*old));
    std::string bytes = StoredBytes(*object);
    if (!remove) CO_TRY_STATUS(CheckStoredSize(bytes));
    if (!remove && bytes == *current->kv().value) {
      if (reservation) reservation->Commit();
      written.object = current;
      co_return written;
    }
    if (caller.dry_run) {
      api::MutableMetaOf(object.get())->set_resourceversion(std::to_string(current->revision()));
      written.message = std::move(object);
      co_return written;
    }
    storage::CompareAndSet write;
    write.key = current->key();
    write.expected = current->revision();
    if (!remove) {
      write.value =
          resource.stored_form == nullptr ? std::move(bytes) : resource.StoredValue(*object);
    }
    if (remove) reservation = resource.strategy->BeginDelete(context, *old);
    auto writing = Write(std::move(write), std::move(reservation));
    CO_TRY(auto result, co_await std::move(writing));
    if (result.committed) {
      if (remove) {
        api::MutableMetaOf(object.get())->set_resourceversion(std::to_string(result.revision));
        written.message = std::move(object);
      } else {
        written.object = resource.Show(std::move(result.object));
      }
      co_return written;
    }
    current = resource.Show(std::move(result.object));
  }
  co_return ConflictError(resource.name(), request.name);
}

}  // namespace wherry::apiserver::registry
