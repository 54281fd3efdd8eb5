#include "apiserver/registry/store.h"

#include "apiserver/registry/object_meta.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::registry {

using api::meta::v1::ObjectMeta;
using storage::ObjectPtr;

namespace {

constexpr int kNameAttempts = 8;
constexpr size_t kNamespaceStatesMax = 10'000;

using WriteOutcome = Result<storage::ObjectWriteResult>;

Task<void> WriteHolding(storage::Cacher& cacher, storage::CompareAndSet write,
                        std::unique_ptr<Reservation> reservation, OneShot<WriteOutcome> done) {
  auto writing = cacher.WriteObject(std::move(write));
  auto written = co_await std::move(writing);
  if (written.ok() && written->committed) reservation->Commit();
  reservation.reset();
  done.Set(std::move(written));
}

}  // namespace

Store::Store(World& world, storage::Cacher& cacher, const Resources& resources)
    : world_(world), cacher_(cacher), resources_(resources), writes_(world.loop) {
  namespaces_ = resources_.Find("", "v1", "namespaces");
  CHECK(namespaces_ != nullptr);
  lookup_ = [this](const api::KindInfo& kind, std::string_view ns,
                   std::string_view name) -> std::shared_ptr<const Message> {
    const Resource* resource = resources_.Find(kind);
    if (resource == nullptr) return nullptr;
    ObjectPtr object = Get(*resource, ns, name);
    if (!object) return nullptr;
    return object->message().value_or(nullptr);
  };
  listing_ = [this](const api::KindInfo& kind) {
    std::vector<std::shared_ptr<const Message>> messages;
    if (const Resource* resource = resources_.Find(kind)) {
      for (const ObjectPtr& object : cacher_.ObjectsUnder(resource->key_prefix)) {
        if (auto message = object->message(); message.ok()) messages.push_back(*message);
      }
    }
    listed_[&kind] = messages;
    return messages;
  };
}

Store::~Store() = default;

ObjectPtr Store::Get(const Resource& resource, std::string_view ns, std::string_view name) const {
  return resource.Show(cacher_.GetObject(resource.Key(ns, name)));
}

Context Store::MakeContext(const Caller& caller) const {
  return Context{.now = world_.clock.Now(),
                 .user = &caller.user,
                 .dry_run = caller.dry_run,
                 .subresource = caller.subresource,
                 .services = services_,
                 .lookup = &lookup_,
                 .listing = &listing_};
}

std::string StoredBytes(Message& object) {
  api::MutableMetaOf(&object)->clear_resourceversion();
  return api::ToJson(object);
}

Status CheckStoredSize(std::string_view bytes) {
  // Room for what a ConfigMap may hold, each byte escaped ("\u0001").
  constexpr size_t kStoredBytesMax = 8 * 1024 * 1024;
  if (bytes.size() <= kStoredBytesMax) return Ok();
  return MakeError(Reason::kRequestEntityTooLarge,
                   "the object is too large: it takes " + std::to_string(bytes.size()) +
                       " bytes as JSON with its defaults, limit is " +
                       std::to_string(kStoredBytesMax));
}

Status Store::ApplyDefaults(const Resource& resource, Message& object) const {
  TRY_STATUS(api::CanonicalizeMessage(&object));
  api::ApplyDefaults(&object);
  resource.strategy->Default(object);
  return Ok();
}

// Source: k8s.io/apiserver pkg/admission/plugin/namespace/lifecycle.
Status Store::CheckNamespace(const Resource& resource, std::string_view ns, std::string_view name) {
  if (!resource.kind->namespaced) return Ok();
  ObjectPtr found = Get(*namespaces_, "", ns);
  if (!found) return NotFoundError(namespaces_->name(), ns);
  if (namespace_states_.size() > kNamespaceStatesMax) namespace_states_.clear();
  NamespaceState& state = namespace_states_[std::string(ns)];
  if (state.revision != found->revision()) {
    TRY(auto message, found->message());
    const auto& object = Typed<api::core::v1::Namespace>(*message);
    state.revision = found->revision();
    state.terminating =
        object.metadata().has_deletiontimestamp() || object.status().phase() == "Terminating";
  }
  if (!state.terminating) return Ok();
  Error error = ForbiddenError(resource.name(), name,
                               "unable to create new content in namespace " + std::string(ns) +
                                   " because it is being terminated");
  error.details.causes.push_back({"NamespaceTerminating",
                                  "namespace " + std::string(ns) + " is being terminated",
                                  "metadata.namespace"});
  return error;
}

Status Store::CheckRestrictions(const Resource& resource, const Context& context,
                                const Message* object, const Message* old) const {
  if (admitter_ == nullptr) return Ok();
  return admitter_->Restrict(context, *resource.kind, object, old);
}

Status Store::PrepareCreate(const Resource& resource, const Context& context, std::string_view ns,
                            Message& object, std::unique_ptr<Reservation>& reservation,
                            std::vector<std::string>& warnings) {
  const Strategy& strategy = *resource.strategy;
  ObjectMeta& metadata = *api::MutableMetaOf(&object);
  if (resource.kind->namespaced) {
    if (metadata.namespace_().empty()) metadata.set_namespace_(std::string(ns));
    if (metadata.namespace_() != ns) {
      return BadRequestError(
          "the namespace of the provided object does not match the namespace sent on the request");
    }
  } else if (!metadata.namespace_().empty()) {
    metadata.clear_namespace_();
  }
  if (!metadata.resourceversion().empty()) {
    return BadRequestError("resourceVersion should not be set on objects to be created");
  }
  FillObjectMetaSystemFields(metadata, context.now, world_.random);
  if (metadata.name().empty() && !metadata.generatename().empty()) {
    metadata.set_name(GenerateName(metadata.generatename(), world_.random));
  }
  TRY_STATUS(CheckNamespace(resource, ns, metadata.name()));
  TRY_STATUS(CheckRestrictions(resource, context, &object, nullptr));
  if (admitter_ != nullptr) {
    TRY_STATUS(admitter_->Admit(context, *resource.kind, object, nullptr));
  }
  TRY(reservation, strategy.Begin(context, object, nullptr));
  strategy.PrepareForCreate(context, object);
  auto errors = ValidateObjectMeta(metadata, strategy);
  errors.Append(strategy.Validate(context, object));
  if (!errors.empty()) {
    return errors.ToError(resource.kind->group_version.group, resource.kind->kind, metadata.name());
  }
  warnings = strategy.WarningsOnCreate(context, object);
  strategy.Canonicalize(object);
  return Ok();
}

Task<Result<storage::ObjectWriteResult>> Store::Write(storage::CompareAndSet write,
                                                      std::unique_ptr<Reservation> reservation) {
  if (!reservation) {
    auto writing = cacher_.WriteObject(std::move(write));
    co_return co_await std::move(writing);
  }
  OneShot<WriteOutcome> done(world_.loop);
  writes_.Spawn("write with a reservation",
                WriteHolding(cacher_, std::move(write), std::move(reservation), done));
  auto waiting = done.Wait();
  co_return co_await std::move(waiting);
}

Task<Result<Written>> Store::Create(const Resource& resource, Caller caller, std::string ns,
                                    std::unique_ptr<Message> object) {
  const ObjectMeta& metadata = api::MetaOf(*object);
  bool generated = metadata.name().empty() && !metadata.generatename().empty();
  Written written;
  written.created = true;
  for (int attempt = 1;; ++attempt) {
    Context context = MakeContext(caller);
    std::unique_ptr<Message> candidate(object->New());
    if (generated && attempt < kNameAttempts) {
      candidate->CopyFrom(*object);
    } else {
      candidate = std::move(object);
    }
    std::unique_ptr<Reservation> reservation;
    written.warnings.clear();
    CO_TRY_STATUS(PrepareCreate(resource, context, ns, *candidate, reservation, written.warnings));
    std::string name = api::MetaOf(*candidate).name();
    storage::CompareAndSet write;
    write.key = resource.Key(ns, name);
    storage::ObjectWriteResult result;
    write.value = resource.StoredValue(*candidate);
    CO_TRY_STATUS(CheckStoredSize(*write.value));
    if (caller.dry_run) {
      result.object = cacher_.GetObject(write.key);
      if (!result.object) {
        written.message = std::move(candidate);
        co_return written;
      }
    } else {
      auto writing = Write(std::move(write), std::move(reservation));
      CO_TRY(result, co_await std::move(writing));
    }
    if (result.committed) {
      written.object = resource.Show(std::move(result.object));
      co_return written;
    }
    if (generated && attempt < kNameAttempts) continue;
    Error exists = AlreadyExistsError(resource.name(), name);
    if (generated) exists.details.retry_after_seconds = 1;
    if (result.object) {
      auto present = result.object->message();
      if (present.ok() && api::MetaOf(**present).has_deletiontimestamp()) {
        exists.message = "object is being deleted: " + exists.message;
      }
    }
    co_return exists;
  }
}

}  // namespace wherry::apiserver::registry
