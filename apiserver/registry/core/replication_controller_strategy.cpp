#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/replication_controller_validation.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/replicationcontroller/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::ReplicationController;

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

TableRow ReplicationControllerRow(const ReplicationController& controller, WallTime now) {
  const auto& spec = controller.spec();
  const auto& status = controller.status();
  return {.cells = {NameCell(controller.metadata()), IntegerCell(spec.replicas()),
                    IntegerCell(status.replicas()), IntegerCell(status.readyreplicas()),
                    AgeCell(controller.metadata(), now),
                    StringCell(ContainerNames(spec.template_().spec())),
                    StringCell(ContainerImages(spec.template_().spec())),
                    StringCell(FormatLabels(spec.selector()))}};
}

class ReplicationControllerStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<ReplicationController>(object).mutable_spec() = Typed<ReplicationController>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    return ValidateReplicationControllerStatus(Typed<ReplicationController>(object));
  }
};

class ReplicationControllerStrategy : public KindStrategy<ReplicationController> {
 public:
  void Default(Message& object) const override {
    ReplicationController& controller = Typed<ReplicationController>(object);
    if (!controller.spec().has_template_()) return;
    DefaultPodTemplate(*controller.mutable_spec()->mutable_template_());
    const auto& labels = controller.spec().template_().metadata().labels();
    if (controller.spec().selector().empty())
      *controller.mutable_spec()->mutable_selector() = labels;
    if (controller.metadata().labels().empty())
      *controller.mutable_metadata()->mutable_labels() = labels;
  }

  void PrepareForCreate(const Context& context, Message& object) const override {
    KindStrategy::PrepareForCreate(context, object);
    DropDisabledFields(Typed<ReplicationController>(object));
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    ReplicationController& controller = Typed<ReplicationController>(object);
    const ReplicationController& before = Typed<ReplicationController>(old);
    *controller.mutable_status() = before.status();
    DropDisabledFields(controller);
    if (SemanticEqual(controller.spec(), before.spec())) return;
    controller.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateReplicationController(Typed<ReplicationController>(object));
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    const ReplicationController& controller = Typed<ReplicationController>(object);
    Warnings warnings;
    AddNameWarning(controller.metadata().name(), "Pod names and hostnames", warnings);
    AddPodSpecWarnings(controller.spec().template_().spec(), TemplatePath(), warnings);
    return warnings;
  }
  std::vector<std::string> WarningsOnUpdate(const Context&, const Message& object,
                                            const Message& old) const override {
    const ReplicationController& controller = Typed<ReplicationController>(object);
    const auto& before = Typed<ReplicationController>(old).metadata();
    Warnings warnings;
    if (controller.metadata().generation() != before.generation()) {
      AddPodSpecWarnings(controller.spec().template_().spec(), TemplatePath(), warnings);
    }
    return warnings;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"status.replicas", "0"}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ReplicationController> kPrinter(kColumns, ReplicationControllerRow);
    return kPrinter;
  }

 private:
  static FieldPath TemplatePath() { return FieldPath("spec").Child("template").Child("spec"); }
  static void DropDisabledFields(ReplicationController& controller) {
    if (!controller.spec().has_template_()) return;
    DropDisabledPodFields(*controller.mutable_spec()->mutable_template_()->mutable_spec());
  }

  ReplicationControllerStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeReplicationControllerStrategy() {
  return std::make_unique<ReplicationControllerStrategy>();
}

}  // namespace wherry::apiserver::registry::core
