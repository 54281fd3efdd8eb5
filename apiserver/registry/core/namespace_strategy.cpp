#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <array>

// Source: pkg/registry/core/namespace/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::Namespace;

namespace {

constexpr const char* kFinalizer = "kubernetes";
constexpr const char* kNameLabel = "kubernetes.io/metadata.name";

constexpr std::array<TableColumn, 3> kColumns = {
    kNameColumn,
    TableColumn{.name = "Status", .description = "Whether it is in use or going away."},
    kAgeColumn};

TableRow NamespaceRow(const Namespace& ns, WallTime now) {
  return {.cells = {NameCell(ns.metadata()), StringCell(ns.status().phase()),
                    AgeCell(ns.metadata(), now)}};
}

void LabelWithName(Namespace& ns) {
  if (ns.metadata().name().empty()) return;
  (*ns.mutable_metadata()->mutable_labels())[kNameLabel] = ns.metadata().name();
}

// Names without a domain must be among those that the system itself uses.
void ValidateFinalizer(const std::string& name, const FieldPath& path, ErrorList& errors) {
  CheckQualifiedName(errors, path, name);
  bool standard = name == kFinalizer || name == "orphan" || name == "foregroundDeletion";
  if (standard || name.find('/') != std::string::npos) return;
  errors.Invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified");
}

class NamespaceStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<Namespace>(object).mutable_spec() = Typed<Namespace>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    const Namespace& ns = Typed<Namespace>(object);
    const std::string& phase = ns.status().phase();
    FieldPath path = FieldPath("status").Child("Phase");
    ErrorList errors;
    if (!ns.metadata().has_deletiontimestamp()) {
      if (phase != "Active") {
        errors.Invalid(path, phase, "may only be 'Active' if `deletionTimestamp` is empty");
      }
    } else if (phase != "Terminating") {
      errors.Invalid(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
    }
    return errors;
  }
};

class FinalizeStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<Namespace>(object).mutable_status() = Typed<Namespace>(old).status();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    const auto& finalizers = Typed<Namespace>(object).spec().finalizers();
    FieldPath path = FieldPath("spec").Child("finalizers");
    ErrorList errors;
    for (int i = 0; i < finalizers.size(); ++i) {
      ValidateFinalizer(finalizers[i], path.Index(i), errors);
    }
    return errors;
  }
};

class NamespaceStrategy : public KindStrategy<Namespace> {
 public:
  void Default(Message& object) const override { LabelWithName(Typed<Namespace>(object)); }

  void PrepareForCreate(const Context&, Message& object) const override {
    Namespace& ns = Typed<Namespace>(object);
    ns.mutable_status()->Clear();
    ns.mutable_status()->set_phase("Active");
    auto& finalizers = *ns.mutable_spec()->mutable_finalizers();
    if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) {
      finalizers.Add(kFinalizer);
    }
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Namespace& ns = Typed<Namespace>(object);
    *ns.mutable_spec() = Typed<Namespace>(old).spec();
    *ns.mutable_status() = Typed<Namespace>(old).status();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    ErrorList errors;
    for (const std::string& name : Typed<Namespace>(object).spec().finalizers()) {
      ValidateFinalizer(name, FieldPath("spec").Child("finalizers"), errors);
    }
    return errors;
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  // The name may have been generated since Default ran.
  void Canonicalize(Message& object) const override { LabelWithName(Typed<Namespace>(object)); }

  std::vector<std::string> ValidateName(std::string_view name, bool prefix) const override {
    return api::NameIsDNSLabel(name, prefix);
  }

  // The cluster cannot be without them. Source: k8s.io/apiserver
  // pkg/admission/plugin/namespace/lifecycle.
  std::string_view WhyKept(std::string_view name) const override {
    bool needed = name == "default" || name == "kube-system" || name == "kube-public";
    return needed ? "this namespace may not be deleted" : "";
  }
  bool HoldsDeletion(const Message& object) const override {
    return Typed<Namespace>(object).spec().finalizers_size() > 0;
  }
  void PrepareForDelete(Message& object) const override {
    Typed<Namespace>(object).mutable_status()->set_phase("Terminating");
  }

  // As upstream: a request for one namespace too many must not take all.
  bool AllowDeleteCollection() const override { return false; }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }
  const UpdateStrategy* SubresourceStrategy(std::string_view subresource) const override {
    return subresource == kSubresources[0] ? &finalize_ : nullptr;
  }
  std::span<const std::string_view> SubresourceNames() const override { return kSubresources; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"status.phase", ""}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Namespace> kPrinter(kColumns, NamespaceRow);
    return kPrinter;
  }

 private:
  static constexpr std::array<std::string_view, 1> kSubresources = {"finalize"};
  NamespaceStatusStrategy status_;
  FinalizeStrategy finalize_;
};

}  // namespace

std::unique_ptr<Strategy> MakeNamespaceStrategy() { return std::make_unique<NamespaceStrategy>(); }

}  // namespace wherry::apiserver::registry::core
