#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/resource_lists.h"
#include "apiserver/registry/core/selector_validation.h"
#include "apiserver/registry/volumes/strategies.h"
#include "apiserver/registry/volumes/volume_checks.h"
#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/persistentvolumeclaim, ValidatePersistentVolumeClaim and its updates in
// pkg/apis/core/validation.
namespace wherry::apiserver::registry::volumes {

using api::core::v1::PersistentVolumeClaim;

namespace {

constexpr const char* kStorage = "storage";

constexpr std::array<TableColumn, 8> kColumns = {
    kNameColumn,
    TableColumn{.name = "Status", .description = "Whether it has a volume."},
    TableColumn{.name = "Volume", .description = "The volume it has."},
    TableColumn{.name = "Capacity", .description = "How much that volume holds."},
    TableColumn{.name = "Access Modes", .description = "How that volume may be mounted."},
    TableColumn{.name = "StorageClass", .description = "The class of the volume."},
    kAgeColumn,
    TableColumn{.name = "VolumeMode", .description = "File system or device.", .priority = 1}};

std::string QuantityText(const ResourceList& list) {
  auto found = list.find(kStorage);
  return found == list.end() ? "0" : api::Quantity::From(found->second).String();
}

TableRow ClaimRow(const PersistentVolumeClaim& claim, WallTime now) {
  const auto& spec = claim.spec();
  bool bound = !spec.volumename().empty();
  return {.cells = {NameCell(claim.metadata()),
                    StringCell(claim.metadata().has_deletiontimestamp() ? "Terminating"
                                                                        : claim.status().phase()),
                    StringCell(spec.volumename()),
                    StringCell(bound ? QuantityText(claim.status().capacity()) : ""),
                    StringCell(bound ? AccessModesText(claim.status().accessmodes()) : ""),
                    StringCell(spec.storageclassname()), AgeCell(claim.metadata(), now),
                    StringCell(spec.has_volumemode() ? spec.volumemode() : "<unset>")}};
}

ErrorList ValidateClaim(const PersistentVolumeClaim& claim) {
  const auto& spec = claim.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckAccessModes(errors, path.Child("accessModes"), spec.accessmodes(),
                   "at least 1 access mode is required");
  if (spec.has_selector()) ValidateLabelSelector(spec.selector(), path.Child("selector"), errors);
  FieldPath storage = path.Child("resources").Key(kStorage);
  auto wanted = spec.resources().requests().find(kStorage);
  if (wanted == spec.resources().requests().end()) {
    errors.Required(storage);
  } else {
    CheckPositive(errors, storage, wanted->second);
  }
  CheckClassName(errors, path.Child("storageClassName"), spec.storageclassname());
  if (spec.has_volumemode()) {
    CheckOneOf(errors, path.Child("volumeMode"), spec.volumemode(), kVolumeModes);
  }
  if (spec.has_datasource()) {
    const auto& source = spec.datasource();
    FieldPath where = path.Child("dataSource");
    CheckRequired(errors, where.Child("name"), source.name());
    CheckRequired(errors, where.Child("kind"), source.kind());
    if (source.apigroup().empty() && source.kind() != "PersistentVolumeClaim") {
      errors.Invalid(where, source.kind(),
                     "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    }
  }
  return errors;
}

class ClaimStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<PersistentVolumeClaim>(object).mutable_spec() = Typed<PersistentVolumeClaim>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    ErrorList errors;
    FieldPath path("status");
    for (const auto& [name, quantity] : Typed<PersistentVolumeClaim>(object).status().capacity()) {
      int64_t value = api::Quantity::From(quantity).Value();
      if (value < 0) {
        errors.Invalid(path.Child("capacity").Key(name), value,
                       "must be a valid resource quantity");
      }
    }
    return errors;
  }
};

class ClaimStrategy : public KindStrategy<PersistentVolumeClaim> {
 public:
  void PrepareForCreate(const Context&, Message& object) const override {
    auto& status = *Typed<PersistentVolumeClaim>(object).mutable_status();
    status.Clear();
    status.set_phase("Pending");
  }
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<PersistentVolumeClaim>(object).mutable_status() =
        Typed<PersistentVolumeClaim>(old).status();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateClaim(Typed<PersistentVolumeClaim>(object));
  }

  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const PersistentVolumeClaim& claim = Typed<PersistentVolumeClaim>(object);
    const PersistentVolumeClaim& before = Typed<PersistentVolumeClaim>(old);
    ErrorList errors = ValidateClaim(claim);
    // What may change: the volume once, and how much storage a bound claim asks for.
    auto allowed = before.spec();
    if (allowed.volumename().empty()) allowed.set_volumename(claim.spec().volumename());
    const auto& requests = claim.spec().resources().requests();
    auto wanted = requests.find(kStorage);
    if (claim.status().phase() == "Bound" && wanted != requests.end()) {
      (*allowed.mutable_resources()->mutable_requests())[kStorage] = wanted->second;
    }
    if (!SemanticEqual(claim.spec(), allowed)) {
      errors.Forbidden(
          FieldPath("spec"),
          "spec is immutable after creation except resources.requests for bound claims");
    }
    auto had = before.spec().resources().requests().find(kStorage);
    if (wanted != requests.end() && had != before.spec().resources().requests().end() &&
        api::Quantity::From(wanted->second) < api::Quantity::From(had->second)) {
      errors.Forbidden(FieldPath("spec").Child("resources").Child("requests").Child(kStorage),
                       "field can not be less than previous value");
    }
    CheckImmutable(errors, FieldPath("volumeMode"), claim.spec().volumemode(),
                   before.spec().volumemode());
    return errors;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<PersistentVolumeClaim> kPrinter(kColumns, ClaimRow);
    return kPrinter;
  }

 private:
  ClaimStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakePersistentVolumeClaimStrategy() {
  return std::make_unique<ClaimStrategy>();
}

}  // namespace wherry::apiserver::registry::volumes
