#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/apps/workload_validation.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/printing.h"
#include "proto/api/apps/v1.pb.h"

#include <array>

// Source: pkg/registry/apps/replicaset/strategy.go.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::ReplicaSet;

namespace {

constexpr std::array<TableColumn, 8> kColumns = {
    kNameColumn,
    TableColumn{.name = "Desired", .type = "integer", .description = "Pods wanted."},
    TableColumn{.name = "Current", .type = "integer", .description = "Pods there are."},
    TableColumn{.name = "Ready", .type = "integer", .description = "Pods that are ready."},
    kAgeColumn,
    TableColumn{
        .name = "Containers", .description = "Names of the template's containers.", .priority = 1},
    TableColumn{
        .name = "Images", .description = "Images of the template's containers.", .priority = 1},
    TableColumn{.name = "Selector", .description = "The pods it owns.", .priority = 1}};

TableRow ReplicaSetRow(const ReplicaSet& replica_set, WallTime now) {
  const auto& spec = replica_set.spec();
  const auto& status = replica_set.status();
  return {.cells = {NameCell(replica_set.metadata()), IntegerCell(spec.replicas()),
                    IntegerCell(status.replicas()), IntegerCell(status.readyreplicas()),
                    AgeCell(replica_set.metadata(), now),
                    StringCell(ContainerNames(spec.template_().spec())),
                    StringCell(ContainerImages(spec.template_().spec())),
                    StringCell(FormatLabelSelector(spec.selector()))}};
}

class ReplicaSetStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<ReplicaSet>(object).mutable_spec() = Typed<ReplicaSet>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    return ValidateReplicaSetStatus(Typed<ReplicaSet>(object));
  }
};

class ReplicaSetStrategy : public KindStrategy<ReplicaSet> {
 public:
  void Default(Message& object) const override {
    DefaultPodTemplate(*Typed<ReplicaSet>(object).mutable_spec()->mutable_template_());
  }

  void PrepareForCreate(const Context& context, Message& object) const override {
    KindStrategy::PrepareForCreate(context, object);
    DropDisabledFields(object);
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    ReplicaSet& replica_set = Typed<ReplicaSet>(object);
    const ReplicaSet& before = Typed<ReplicaSet>(old);
    *replica_set.mutable_status() = before.status();
    DropDisabledFields(object);
    if (SemanticEqual(replica_set.spec(), before.spec())) return;
    replica_set.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateReplicaSet(Typed<ReplicaSet>(object));
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    ErrorList errors = Validate(context, object);
    ValidateSelectorUnchanged(Typed<ReplicaSet>(object).spec().selector(),
                              Typed<ReplicaSet>(old).spec().selector(), errors);
    return errors;
  }

  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    const ReplicaSet& replica_set = Typed<ReplicaSet>(object);
    Warnings warnings;
    AddNameWarning(replica_set.metadata().name(), "Pod names and hostnames", warnings);
    AddPodSpecWarnings(replica_set.spec().template_().spec(), TemplatePath(), warnings);
    return warnings;
  }
  std::vector<std::string> WarningsOnUpdate(const Context&, const Message& object,
                                            const Message& old) const override {
    const ReplicaSet& replica_set = Typed<ReplicaSet>(object);
    Warnings warnings;
    if (replica_set.metadata().generation() != Typed<ReplicaSet>(old).metadata().generation()) {
      AddPodSpecWarnings(replica_set.spec().template_().spec(), TemplatePath(), warnings);
    }
    return warnings;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"status.replicas", "0"}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ReplicaSet> kPrinter(kColumns, ReplicaSetRow);
    return kPrinter;
  }

 private:
  static FieldPath TemplatePath() { return FieldPath("spec").Child("template").Child("spec"); }
  static void DropDisabledFields(Message& object) {
    auto& pod_template = *Typed<ReplicaSet>(object).mutable_spec()->mutable_template_();
    DropDisabledPodFields(*pod_template.mutable_spec());
  }

  ReplicaSetStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeReplicaSetStrategy() {
  return std::make_unique<ReplicaSetStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
