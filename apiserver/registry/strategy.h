#pragma once

#include "apiserver/storage/cacher/object_codec.h"
#include "lib/api/field_error.h"
#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace google::protobuf {
class Message;
}
namespace wherry::api {
struct KindInfo;
}

// What a kind plugs into the generic store (apiserver/registry/store.h).
//
// Order of a create: decode, static defaults of the Schema, Default, metadata filled (namespace,
// uid, creationTimestamp, generateName), admission (apiserver/admission), Begin, PrepareForCreate,
// metadata validated, Validate, Canonicalize, stored. Of an update: Default, metadata taken over
// from the stored object, admission, Begin, PrepareForUpdate, metadata validated
// (ValidateObjectMeta and its update rules), ValidateUpdate, Canonicalize, stored; an update of a
// subresource has no admission and no Begin.
//
// Strategies are stateless, made once, live as long as the App, and never block. `object` is always
// a message of kind(); use `static_cast` (see Typed). Source of the contract:
// k8s.io/apiserver pkg/registry/rest/{create,update,delete}.go.
namespace wherry::apiserver::registry {

using google::protobuf::Message;

class ServiceAllocator;
// A read of another object of the cluster from the cache, for the few rules that need one. Null
// when there is none.
using Lookup = std::function<std::shared_ptr<const Message>(
    const api::KindInfo& kind, std::string_view ns, std::string_view name)>;
// The same for all objects of a cluster-wide kind of which there are few.
using Listing =
    std::function<std::vector<std::shared_ptr<const Message>>(const api::KindInfo& kind)>;

// The request a strategy works for. Borrowed for the call.
struct Context {
  WallTime now;
  const http::UserInfo* user = nullptr;
  bool dry_run = false;
  std::string_view subresource;  // "" for the object itself
  ServiceAllocator* services = nullptr;
  const Lookup* lookup = nullptr;
  const Listing* listing = nullptr;
};

// The object as its own class: `Pod& pod = Typed<Pod>(object);`.
template <typename T, typename M>
auto& Typed(M& message) {
  if constexpr (std::is_const_v<M>) {
    return static_cast<const T&>(message);
  } else {
    return static_cast<T&>(message);
  }
}

// Something taken before an object is stored (a clusterIP), given back unless the write succeeds.
// It lives until the outcome of the write is known, also when nobody waits for that any more.
class Reservation {
 public:
  virtual ~Reservation() = default;  // without Commit: gives back what was taken
  virtual void Commit() = 0;
};

// How one part of an object may be changed: the object itself, its status, another subresource.
class UpdateStrategy {
 public:
  virtual ~UpdateStrategy() = default;

  // Restores from `old` what this update may not touch, bumps metadata.generation when the desired
  // state changed. `object` already carries old's uid, creationTimestamp and deletionTimestamp.
  virtual void PrepareForUpdate(const Context& context, Message& object, const Message& old) const;
  virtual api::field::ErrorList ValidateUpdate(const Context& context, const Message& object,
                                               const Message& old) const;
  virtual std::vector<std::string> WarningsOnUpdate(const Context& context, const Message& object,
                                                    const Message& old) const;
};

// A column of `kubectl get`; `priority` above 0 shows with -o wide only.
struct TableColumn {
  std::string_view name;
  std::string_view type = "string";  // "string", "integer", ...
  std::string_view format = "";      // "name" for the first column
  std::string_view description = "";
  int priority = 0;
};

struct TableRow {
  // One JSON value per column, already rendered: use StringCell and IntegerCell.
  std::vector<std::string> cells;
  // JSON text of metav1.TableRowCondition entries, usually none:
  // {"type":"Completed","status":"True","reason":"...","message":"..."}.
  std::vector<std::string> conditions;
};
std::string StringCell(std::string_view text);
std::string IntegerCell(int64_t number);
// "5m", "3d2h", "<unknown>": upstream's HumanDuration of now - then.
std::string Age(WallTime then, WallTime now);

// The same for all of `kubectl get`'s tables. Source: pkg/printers/internalversion/printers.go.
class TablePrinter {
 public:
  virtual ~TablePrinter() = default;
  virtual std::span<const TableColumn> Columns() const = 0;
  virtual TableRow Row(const Message& object, WallTime now) const = 0;
};

// metadata.name and age: what a kind gets that has no printer of its own.
const TablePrinter& DefaultTablePrinter();

struct DeleteRequest {
  std::optional<int64_t> grace_period_seconds;  // what the client asked for
};

// Where the scale subresource reads and writes, as JSON paths. `selector` is "" when there is none.
struct ScalePaths {
  std::string_view spec_replicas = ".spec.replicas";
  std::string_view status_replicas = ".status.replicas";
  std::string_view selector = ".spec.selector";
};

// Another kind in whose form this kind's objects are stored, so that both show the same ones.
class StoredForm {
 public:
  virtual ~StoredForm() = default;
  virtual const api::KindInfo& kind() const = 0;  // what is stored
  // Nothing is lost either way.
  virtual std::unique_ptr<Message> ToStored(const Message& object) const = 0;
  virtual std::unique_ptr<Message> FromStored(const Message& stored) const = 0;
};

class Strategy : public UpdateStrategy {
 public:
  explicit Strategy(const api::KindInfo& kind) : kind_(kind) {}
  const api::KindInfo& kind() const { return kind_; }

  // Defaults that depend on other fields or are not in the Schema (labels into selector, image pull
  // policy from the tag). Runs on every decoded object, stored ones excepted. Idempotent.
  virtual void Default(Message& object) const;
  // The default clears status (when there is one) and sets generation to 1 (when there is a spec
  // and a status).
  virtual void PrepareForCreate(const Context& context, Message& object) const;
  virtual api::field::ErrorList Validate(const Context& context, const Message& object) const;
  virtual std::vector<std::string> WarningsOnCreate(const Context& context,
                                                    const Message& object) const;
  // Brings equal meanings to one form just before storing.
  virtual void Canonicalize(Message& object) const;
  // Name syntax: the default is api::NameIsDNSSubdomain; `prefix` is set for generateName.
  virtual std::vector<std::string> ValidateName(std::string_view name, bool prefix) const;

  // Takes what other objects may not take too. `old` is null on create. The default takes nothing
  // and returns null.
  virtual Result<std::unique_ptr<Reservation>> Begin(const Context& context, Message& object,
                                                     const Message* old) const;
  // For an object about to leave the store for good: Commit, called once it has left, gives back
  // what Begin took. The default is null.
  virtual std::unique_ptr<Reservation> BeginDelete(const Context& context,
                                                   const Message& object) const;

  virtual bool AllowCreateOnUpdate() const { return false; }
  // Whether all objects can be deleted by one request.
  virtual bool AllowDeleteCollection() const { return true; }
  // Whether an update without a resourceVersion is taken as "the newest". Upstream: nearly all.
  virtual bool AllowUnconditionalUpdate() const { return true; }

  // The grace period this object gets when deleted, in seconds; nullopt: the kind is deleted at
  // once (the default). Pods: spec.terminationGracePeriodSeconds and the rules around it.
  virtual std::optional<int64_t> GracefulDelete(const Context& context, const Message& object,
                                                const DeleteRequest& request) const;
  // Why the object of this name is never deleted; "" for those that may be.
  virtual std::string_view WhyKept(std::string_view /*name*/) const { return {}; }
  // The object stays, although deleted and without metadata.finalizers, while this holds
  // (namespaces: spec.finalizers is not empty).
  virtual bool HoldsDeletion(const Message& /*object*/) const { return false; }
  // The first delete of an object that stays for a while: deletionTimestamp is set already
  // (namespaces: status.phase becomes Terminating).
  virtual void PrepareForDelete(Message& /*object*/) const {}
  // Whether a finished delete answers with the object instead of a Status (pods, services,
  // serviceaccounts; upstream's ReturnDeletedObject).
  virtual bool ReturnDeletedObject() const { return false; }
  // What becomes of dependents when the client does not say: "Background" or "Orphan".
  virtual std::string_view DefaultPropagation() const { return "Background"; }
  // The default is DefaultStatusStrategy for kinds with a status field, null (no status
  // subresource) for others.
  virtual const UpdateStrategy* StatusStrategy() const;
  // Other subresources updated in place by PUT and PATCH of the same kind ("finalize", "approval").
  virtual const UpdateStrategy* SubresourceStrategy(std::string_view subresource) const;
  virtual std::span<const std::string_view> SubresourceNames() const;
  // The default: kinds with spec.replicas and status.replicas.
  virtual std::optional<ScalePaths> Scale() const;

  // Null: objects are stored in their own form (nearly always).
  virtual const StoredForm* stored_form() const { return nullptr; }

  // What a field selector may name beside metadata.name and metadata.namespace, by JSON path
  // ("spec.nodeName"), with the value that an absent field selects as. For a kind with a stored
  // form `from` is what that kind calls it.
  virtual std::vector<storage::SelectableField> SelectableFields() const { return {}; }
  // Those of them that lists and watches are indexed by ("spec.nodeName" of pods, hardly another).
  virtual std::vector<std::string> IndexedFields() const { return {}; }

  virtual const TablePrinter& Printer() const { return DefaultTablePrinter(); }

 private:
  const api::KindInfo& kind_;
};

// Status updates in general: `status` and metadata may change, labels and owner references and all
// the rest are taken from the old object.
class DefaultStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context& context, Message& object, const Message& old) const override;
};

// The strategies of all kinds, filled by each group's Register(KindTable&) in
// apiserver/registry/<group>/register.h. A kind without an entry gets a plain Strategy.
class KindTable {
 public:
  KindTable();
  ~KindTable();
  // A second strategy for the same kind is a bug.
  void Add(std::unique_ptr<Strategy> strategy);
  // The strategy of `kind`; a plain one is made when none was added.
  const Strategy& For(const api::KindInfo& kind);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::apiserver::registry
