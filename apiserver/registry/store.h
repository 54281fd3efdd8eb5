#pragma once

#include "apiserver/registry/admitter.h"
#include "apiserver/registry/resource.h"
#include "apiserver/registry/strategy.h"
#include "apiserver/storage/cacher/cached_object.h"
#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry {
struct World;
}
namespace wherry::apiserver::storage {
class Cacher;
struct CompareAndSet;
struct ObjectWriteResult;
}  // namespace wherry::apiserver::storage

namespace wherry::apiserver::registry {

// Who writes, and how.
struct Caller {
  http::UserInfo user;
  bool dry_run = false;
  std::string subresource;
};

// The object after a write: as stored, or, for a dry run, as it would be stored.
struct Written {
  storage::ObjectPtr object;               // null for a dry run that changed something
  std::shared_ptr<const Message> message;  // the dry run's object
  bool created = false;
  std::vector<std::string> warnings;
};

struct DeleteOptions {
  std::optional<int64_t> grace_period_seconds;
  std::string propagation_policy;  // "", "Orphan", "Background", "Foreground"
  std::optional<bool> orphan_dependents;
  std::string uid;               // precondition when not empty
  std::string resource_version;  // precondition when not empty
};

struct Deleted {
  bool gone = false;  // false: marked, and kept for its grace period or finalizers
  // What the client gets: the object (either of the two), or, when `answer_status`, a Status.
  storage::ObjectPtr object;
  std::shared_ptr<const Message> message;
  bool answer_status = false;
  std::string uid;
};

// Makes the new object from the present one (with its resourceVersion); called again when another
// writer came in between. Null on create-on-update.
using Updater = std::function<Result<std::unique_ptr<Message>>(const Message* current)>;

struct UpdateRequest {
  std::string ns;
  std::string name;
  Updater updater;
  const UpdateStrategy* strategy = nullptr;  // null: the resource's own
  std::string uid;                           // precondition when not empty
  // Asked before an update creates what was not there; null: it may. Errors: kForbidden.
  std::function<Status()> may_create;
};

// The generic registry: what create, update and delete mean for every kind, over the cacher.
// Loop thread; the world, cacher and resources outlive it.
// Source: k8s.io/apiserver pkg/registry/generic/registry/store.go and pkg/registry/rest.
class Store {
 public:
  Store(World& world, storage::Cacher& cacher, const Resources& resources);
  ~Store();

  // Who hands out clusterIPs and node ports; may be null.
  void set_service_allocator(ServiceAllocator* allocator) { services_ = allocator; }

  // Who may change or refuse objects before they are validated; may be null.
  void set_admitter(const Admitter* admitter) { admitter_ = admitter; }

  // Null when there is none. No suspension, no parsing.
  storage::ObjectPtr Get(const Resource& resource, std::string_view ns,
                         std::string_view name) const;

  // `object` has its defaults. Errors: kAlreadyExists, kInvalid, kNotFound for the namespace,
  // kForbidden when the namespace is terminating, kBadRequest.
  Task<Result<Written>> Create(const Resource& resource, Caller caller, std::string ns,
                               std::unique_ptr<Message> object);
  // Errors: kNotFound, kConflict for a stale resourceVersion or another uid, kInvalid, the
  // updater's.
  Task<Result<Written>> Update(const Resource& resource, Caller caller, UpdateRequest request);
  // Errors: kNotFound, kConflict for a precondition that does not hold.
  Task<Result<Deleted>> Delete(const Resource& resource, Caller caller, std::string ns,
                               std::string name, DeleteOptions options);

  // Whether the admitter lets this user write; every write asks by itself. Null `object`: a
  // deletion, null `old`: a creation.
  Status CheckRestrictions(const Resource& resource, const Context& context, const Message* object,
                           const Message* old) const;

  // Static and dynamic defaults, as a decoded body gets them.
  Status ApplyDefaults(const Resource& resource, Message& object) const;

  World& world() const { return world_; }
  storage::Cacher& cacher() const { return cacher_; }
  const Resources& resources() const { return resources_; }
  Context MakeContext(const Caller& caller) const;

 private:
  struct DeletePlan;

  Status CheckNamespace(const Resource& resource, std::string_view ns, std::string_view name);
  Status PrepareCreate(const Resource& resource, const Context& context, std::string_view ns,
                       Message& object, std::unique_ptr<Reservation>& reservation,
                       std::vector<std::string>& warnings);
  Status PrepareUpdate(const Resource& resource, const UpdateStrategy& strategy,
                       const Context& context, Message& object, const Message& current,
                       std::unique_ptr<Reservation>& reservation,
                       std::vector<std::string>& warnings);
  Result<DeletePlan> PlanDelete(const Resource& resource, const Caller& caller,
                                const Message& current, const DeleteOptions& options) const;
  // Writes, then commits or drops the reservation (may be null). A write with a reservation goes on
  // when its caller goes away: what is on disk decides about what is taken.
  Task<Result<storage::ObjectWriteResult>> Write(storage::CompareAndSet write,
                                                 std::unique_ptr<Reservation> reservation);
  Task<Result<Written>> CreateOnUpdate(const Resource& resource, Caller caller,
                                       UpdateRequest request);

  World& world_;
  storage::Cacher& cacher_;
  const Resources& resources_;
  ServiceAllocator* services_ = nullptr;
  const Admitter* admitter_ = nullptr;
  Lookup lookup_;
  Listing listing_;
  // What was listed last, so that it is not parsed again the next time.
  std::unordered_map<const api::KindInfo*, std::vector<std::shared_ptr<const Message>>> listed_;
  const Resource* namespaces_ = nullptr;
  // Of namespaces that were created in: the revision that was looked at and whether it terminates.
  struct NamespaceState {
    storage::Revision revision = 0;
    bool terminating = false;
  };
  std::unordered_map<std::string, NamespaceState> namespace_states_;
  TaskScope writes_;  // those with a reservation
};

// The bytes that are stored: JSON without metadata.resourceVersion.
std::string StoredBytes(Message& object);
// An object may grow beyond the body it came in, by defaults and by JSON's escapes.
// Errors: kRequestEntityTooLarge.
Status CheckStoredSize(std::string_view bytes);

}  // namespace wherry::apiserver::registry
