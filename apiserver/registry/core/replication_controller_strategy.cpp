#include "apiserver/registry/core/replicas_strategy.h"
#include "apiserver/registry/core/replication_controller_validation.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

// Source: pkg/registry/core/replicationcontroller/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::ReplicationController;

namespace {

TableRow ReplicationControllerRow(const ReplicationController& controller, WallTime now) {
  return ReplicaRow(controller, FormatLabels(controller.spec().selector()), now);
}

class ReplicationControllerStrategy : public ReplicasStrategy<ReplicationController> {
 public:
  void Default(Message& object) const override {
    ReplicasStrategy::Default(object);
    ReplicationController& controller = Typed<ReplicationController>(object);
    const auto& labels = controller.spec().template_().metadata().labels();
    if (controller.spec().selector().empty())
      *controller.mutable_spec()->mutable_selector() = labels;
    if (controller.metadata().labels().empty())
      *controller.mutable_metadata()->mutable_labels() = labels;
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateReplicationController(Typed<ReplicationController>(object));
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  // Clients of v1 are older than the garbage collector and expect the pods to stay.
  std::string_view DefaultPropagation() const override { return "Orphan"; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"status.replicas", "0"}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ReplicationController> kPrinter(kReplicaColumns,
                                                                ReplicationControllerRow);
    return kPrinter;
  }

 protected:
  // One without a template is refused.
  api::core::v1::PodTemplateSpec* TemplateOf(ReplicationController& controller) const override {
    return controller.spec().has_template_() ? controller.mutable_spec()->mutable_template_()
                                             : nullptr;
  }

 private:
  ReplicaCountsStrategy<ReplicationController> status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeReplicationControllerStrategy() {
  return std::make_unique<ReplicationControllerStrategy>();
}

}  // namespace wherry::apiserver::registry::core
