#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/volumes/strategies.h"
#include "apiserver/registry/volumes/volume_checks.h"
#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <vector>

// Source: pkg/registry/core/persistentvolume, ValidatePersistentVolume and its update in
// pkg/apis/core/validation. What is inside a source is left to who mounts it.
namespace wherry::apiserver::registry::volumes {

using api::core::v1::PersistentVolume;

namespace {

constexpr std::string_view kReclaimPolicies[] = {"Delete", "Recycle", "Retain"};

constexpr std::array<TableColumn, 10> kColumns = {
    kNameColumn,
    TableColumn{.name = "Capacity", .description = "How much it holds."},
    TableColumn{.name = "Access Modes", .description = "How it may be mounted."},
    TableColumn{.name = "Reclaim Policy", .description = "What becomes of it when given back."},
    TableColumn{.name = "Status", .description = "Whether it is free, taken or given back."},
    TableColumn{.name = "Claim", .description = "The claim that has it."},
    TableColumn{.name = "StorageClass", .description = "Its class."},
    TableColumn{.name = "Reason", .description = "Why it is in that status."},
    kAgeColumn,
    TableColumn{.name = "VolumeMode", .description = "File system or device.", .priority = 1}};

TableRow VolumeRow(const PersistentVolume& volume, WallTime now) {
  const auto& spec = volume.spec();
  auto capacity = spec.capacity().find("storage");
  std::string claim;
  if (spec.has_claimref()) claim = spec.claimref().namespace_() + "/" + spec.claimref().name();
  return {.cells = {NameCell(volume.metadata()),
                    StringCell(capacity == spec.capacity().end()
                                   ? "0"
                                   : api::Quantity::From(capacity->second).String()),
                    StringCell(AccessModesText(spec.accessmodes())),
                    StringCell(spec.persistentvolumereclaimpolicy()),
                    StringCell(volume.metadata().has_deletiontimestamp() ? "Terminating"
                                                                         : volume.status().phase()),
                    StringCell(claim), StringCell(spec.storageclassname()),
                    StringCell(volume.status().reason()), AgeCell(volume.metadata(), now),
                    StringCell(spec.has_volumemode() ? spec.volumemode() : "<unset>")}};
}

void ValidateCapacity(const PersistentVolume& volume, const FieldPath& path, ErrorList& errors) {
  const auto& capacity = volume.spec().capacity();
  if (capacity.empty()) errors.Required(path);
  if (!capacity.contains("storage") || capacity.size() > 1) {
    std::string given;
    for (const auto& [name, quantity] : capacity) given += (given.empty() ? "" : ",") + name;
    errors.NotSupported(path, given, {"storage"});
  }
  for (const auto& [name, quantity] : capacity) {
    CheckPositive(errors, path.Key(name), quantity);
  }
}

// Exactly one of the many sorts.
void ValidateSource(const PersistentVolume& volume, const FieldPath& path, ErrorList& errors) {
  const auto& source = volume.spec().persistentvolumesource();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  source.GetReflection()->ListFields(source, &set);
  if (set.empty()) errors.Required(path, "must specify a volume type");
  for (size_t i = 1; i < set.size(); ++i) {
    errors.Forbidden(path.Child(set[i]->name()), "may not specify more than 1 volume type");
  }
  if (source.has_local()) {
    CheckRequired(errors, path.Child("local", "path"), source.local().path());
    if (!volume.spec().nodeaffinity().has_required()) {
      errors.Required(path.Child("nodeAffinity"), "Local volume requires node affinity");
    }
  }
  if (source.has_hostpath()) {
    CheckRequired(errors, path.Child("hostPath", "path"), source.hostpath().path());
    if (source.hostpath().path() == "/" &&
        volume.spec().persistentvolumereclaimpolicy() == "Recycle") {
      errors.Forbidden(path.Child("persistentVolumeReclaimPolicy"),
                       "may not be 'recycle' for a hostPath mount of '/'");
    }
  }
  if (source.has_csi()) {
    CheckRequired(errors, path.Child("csi", "driver"), source.csi().driver());
    CheckRequired(errors, path.Child("csi", "volumeHandle"), source.csi().volumehandle());
  }
  if (source.has_nfs()) {
    CheckRequired(errors, path.Child("nfs", "server"), source.nfs().server());
    CheckRequired(errors, path.Child("nfs", "path"), source.nfs().path());
  }
}

ErrorList ValidateVolume(const PersistentVolume& volume) {
  const auto& spec = volume.spec();
  FieldPath path("spec");
  ErrorList errors;
  CheckAccessModes(errors, path.Child("accessModes"), spec.accessmodes(), "");
  ValidateCapacity(volume, path.Child("capacity"), errors);
  if (!spec.persistentvolumereclaimpolicy().empty()) {
    CheckOneOf(errors, path.Child("persistentVolumeReclaimPolicy"),
               spec.persistentvolumereclaimpolicy(), kReclaimPolicies);
  }
  ValidateSource(volume, path, errors);
  CheckClassName(errors, path.Child("storageClassName"), spec.storageclassname());
  if (spec.has_volumemode()) {
    CheckOneOf(errors, path.Child("volumeMode"), spec.volumemode(), kVolumeModes);
  }
  return errors;
}

class VolumeStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<PersistentVolume>(object).mutable_spec() = Typed<PersistentVolume>(old).spec();
  }
};

class VolumeStrategy : public KindStrategy<PersistentVolume> {
 public:
  void PrepareForCreate(const Context&, Message& object) const override {
    auto& status = *Typed<PersistentVolume>(object).mutable_status();
    status.Clear();
    status.set_phase("Pending");
  }
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<PersistentVolume>(object).mutable_status() = Typed<PersistentVolume>(old).status();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateVolume(Typed<PersistentVolume>(object));
  }

  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const PersistentVolume& volume = Typed<PersistentVolume>(object);
    const PersistentVolume& before = Typed<PersistentVolume>(old);
    ErrorList errors = ValidateVolume(volume);
    auto source = volume.spec().persistentvolumesource();
    const auto& old_source = before.spec().persistentvolumesource();
    // May be added once.
    if (source.has_csi() && old_source.has_csi() &&
        !old_source.csi().has_controllerexpandsecretref()) {
      source.mutable_csi()->clear_controllerexpandsecretref();
    }
    if (!SemanticEqual(source, old_source)) {
      errors.Forbidden(FieldPath("spec").Child("persistentvolumesource"),
                       "spec.persistentvolumesource is immutable after creation");
    }
    CheckImmutable(errors, FieldPath("volumeMode"), volume.spec().volumemode(),
                   before.spec().volumemode());
    if (before.spec().has_nodeaffinity() &&
        !SemanticEqual(volume.spec().nodeaffinity(), before.spec().nodeaffinity())) {
      errors.Forbidden(FieldPath("nodeAffinity"), kFieldIsImmutable);
    }
    return errors;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<PersistentVolume> kPrinter(kColumns, VolumeRow);
    return kPrinter;
  }

 private:
  VolumeStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakePersistentVolumeStrategy() {
  return std::make_unique<VolumeStrategy>();
}

}  // namespace wherry::apiserver::registry::volumes
