#include "apiserver/registry/store.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "lib/base/seconds.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

#include <algorithm>

namespace wherry::apiserver::registry {

using api::meta::v1::ObjectMeta;
using storage::ObjectPtr;

namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr int kDeleteAttempts = 1000;

bool Has(const ObjectMeta& metadata, std::string_view finalizer) {
  return std::find(metadata.finalizers().begin(), metadata.finalizers().end(), finalizer) !=
         metadata.finalizers().end();
}

bool ShouldOrphan(const Strategy& strategy, const ObjectMeta& metadata,
                  const DeleteOptions& options) {
  if (options.orphan_dependents) return *options.orphan_dependents;
  if (!options.propagation_policy.empty()) return options.propagation_policy == "Orphan";
  if (Has(metadata, kOrphan)) return true;
  if (Has(metadata, kForeground)) return false;
  return strategy.DefaultPropagation() == "Orphan";
}

bool ShouldDeleteInForeground(const ObjectMeta& metadata, const DeleteOptions& options) {
  if (options.orphan_dependents) return false;
  if (!options.propagation_policy.empty()) return options.propagation_policy == "Foreground";
  return !Has(metadata, kOrphan) && Has(metadata, kForeground);
}

// Puts in and takes out the garbage collector's finalizers as the options say.
void SetCollectorFinalizers(const Strategy& strategy, ObjectMeta& metadata,
                            const DeleteOptions& options) {
  bool orphan = ShouldOrphan(strategy, metadata, options);
  bool foreground = ShouldDeleteInForeground(metadata, options);
  std::vector<std::string> finalizers;
  for (const std::string& one : metadata.finalizers()) {
    if (one != kOrphan && one != kForeground) finalizers.push_back(one);
  }
  if (orphan) finalizers.emplace_back(kOrphan);
  if (foreground) finalizers.emplace_back(kForeground);
  metadata.clear_finalizers();
  for (std::string& one : finalizers) metadata.add_finalizers(std::move(one));
}

Error PreconditionError(const Resource& resource, std::string_view name, std::string_view what,
                        std::string_view wanted, std::string_view actual) {
  return ConflictError(resource.name(), name,
                       "the " + std::string(what) + " in the precondition (" + std::string(wanted) +
                           ") does not match the " + std::string(what) + " in record (" +
                           std::string(actual) +
                           "). The object might have been deleted and then recreated");
}

}  // namespace

// What one attempt at a deletion does.
struct Store::DeletePlan {
  enum class Action { kNothing, kMark, kRemove };
  Action action = Action::kRemove;
  std::unique_ptr<Message> marked;  // kMark: the object to store
};

Result<Store::DeletePlan> Store::PlanDelete(const Resource& resource, const Caller& caller,
                                            const Message& current,
                                            const DeleteOptions& options) const {
  const Strategy& strategy = *resource.strategy;
  const ObjectMeta& old = api::MetaOf(current);
  if (!options.uid.empty() && options.uid != old.uid()) {
    return PreconditionError(resource, old.name(), "UID", options.uid, old.uid());
  }
  if (!options.resource_version.empty() && options.resource_version != old.resourceversion()) {
    return PreconditionError(resource, old.name(), "ResourceVersion", options.resource_version,
                             old.resourceversion());
  }
  Context context = MakeContext(caller);
  TRY_STATUS(CheckRestrictions(resource, context, nullptr, &current));
  DeletePlan plan;
  plan.marked.reset(current.New());
  plan.marked->CopyFrom(current);
  ObjectMeta& metadata = *api::MutableMetaOf(plan.marked.get());
  DeleteRequest request{.grace_period_seconds = options.grace_period_seconds};
  std::optional<int64_t> grace = strategy.GracefulDelete(context, current, request);
  bool was_deleted = old.has_deletiontimestamp();
  if (grace && was_deleted && old.has_deletiongraceperiodseconds()) {
    // Being deleted already: the period can only become shorter.
    int64_t before = old.deletiongraceperiodseconds();
    if (!options.grace_period_seconds || *options.grace_period_seconds >= before) {
      plan.action = DeletePlan::Action::kNothing;
      return plan;
    }
    int64_t period = std::max<int64_t>(*options.grace_period_seconds, 0);
    metadata.mutable_deletiontimestamp()->set_seconds(old.deletiontimestamp().seconds() - before +
                                                      period);
    metadata.set_deletiongraceperiodseconds(period);
    grace = period;
  } else if (grace && !was_deleted) {
    api::SetTime(metadata.mutable_deletiontimestamp(), context.now + BoundedSeconds(*grace));
    metadata.set_deletiongraceperiodseconds(*grace);
    if (metadata.generation() > 0) metadata.set_generation(metadata.generation() + 1);
  }
  SetCollectorFinalizers(strategy, metadata, options);
  bool pending = metadata.finalizers_size() > 0 || strategy.HoldsDeletion(current);
  if (!pending && grace.value_or(0) == 0) return plan;  // removed now
  plan.action = DeletePlan::Action::kMark;
  if (!grace) {
    if (!was_deleted) {
      if (metadata.generation() > 0) metadata.set_generation(metadata.generation() + 1);
      api::SetTime(metadata.mutable_deletiontimestamp(), context.now);
      // A namespace waits for its own finalizers and has no period.
      if (!strategy.HoldsDeletion(current)) metadata.set_deletiongraceperiodseconds(0);
    }
  }
  if (!was_deleted) strategy.PrepareForDelete(*plan.marked);
  return plan;
}

Task<Result<Deleted>> Store::Delete(const Resource& resource, Caller caller, std::string ns,
                                    std::string name, DeleteOptions options) {
  const Strategy& strategy = *resource.strategy;
  if (std::string_view why = strategy.WhyKept(name); !why.empty()) {
    co_return ForbiddenError(resource.name(), name, why);
  }
  ObjectPtr current = Get(resource, ns, name);
  for (int attempt = 0; attempt < kDeleteAttempts; ++attempt) {
    if (!current) co_return NotFoundError(resource.name(), name);
    CO_TRY(auto old, current->message());
    CO_TRY(DeletePlan plan, PlanDelete(resource, caller, *old, options));
    Deleted deleted;
    deleted.uid = api::MetaOf(*old).uid();
    storage::CompareAndSet write;
    write.key = current->key();
    write.expected = current->revision();
    switch (plan.action) {
      case DeletePlan::Action::kNothing:
        deleted.object = current;
        deleted.answer_status = !strategy.ReturnDeletedObject();
        co_return deleted;
      case DeletePlan::Action::kMark: {
        std::string bytes = StoredBytes(*plan.marked);
        if (bytes == *current->kv().value) {
          deleted.object = current;
          co_return deleted;
        }
        write.value =
            resource.stored_form == nullptr ? std::move(bytes) : resource.StoredValue(*plan.marked);
        break;
      }
      case DeletePlan::Action::kRemove:
        deleted.gone = true;
        deleted.answer_status = !strategy.ReturnDeletedObject();
        break;
    }
    if (caller.dry_run) {
      deleted.message = plan.action == DeletePlan::Action::kMark
                            ? std::shared_ptr<const Message>(std::move(plan.marked))
                            : old;
      co_return deleted;
    }
    std::unique_ptr<Reservation> reservation;
    if (deleted.gone) reservation = strategy.BeginDelete(MakeContext(caller), *old);
    auto writing = Write(std::move(write), std::move(reservation));
    CO_TRY(auto result, co_await std::move(writing));
    if (result.committed) {
      deleted.object = resource.Show(std::move(result.object));
      co_return deleted;
    }
    current = resource.Show(std::move(result.object));
  }
  co_return ConflictError(resource.name(), name);
}

}  // namespace wherry::apiserver::registry
