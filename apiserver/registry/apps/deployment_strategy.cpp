#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/apps/workload_validation.h"
#include "apiserver/registry/core/replicas_strategy.h"
#include "lib/api/intstr.h"
#include "lib/api/labels.h"
#include "lib/api/same_labels.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <array>

// Source: pkg/registry/apps/deployment/strategy.go, pkg/apis/apps/v1/defaults.go.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::Deployment;

namespace {

constexpr std::array<TableColumn, 8> kColumns = {
    kNameColumn,
    TableColumn{.name = "Ready", .description = "Pods that are ready, of those wanted."},
    TableColumn{.name = "Up-to-date", .description = "Pods made from the present template."},
    TableColumn{.name = "Available", .description = "Pods that have been ready for long enough."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    kSelectorColumn};

TableRow DeploymentRow(const Deployment& deployment, WallTime now) {
  const auto& spec = deployment.spec();
  const auto& status = deployment.status();
  auto selector = api::Selector::FromLabelSelector(spec.selector());
  return {.cells = {NameCell(deployment.metadata()),
                    StringCell(std::to_string(status.readyreplicas()) + "/" +
                               std::to_string(spec.replicas())),
                    IntegerCell(status.updatedreplicas()), IntegerCell(status.availablereplicas()),
                    AgeCell(deployment.metadata(), now),
                    StringCell(ContainerNames(spec.template_().spec())),
                    StringCell(ContainerImages(spec.template_().spec())),
                    StringCell(selector.ok() ? selector->String() : "<invalid>")}};
}

class DeploymentStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Deployment& deployment = Typed<Deployment>(object);
    const Deployment& before = Typed<Deployment>(old);
    *deployment.mutable_spec() = before.spec();
    *deployment.mutable_metadata()->mutable_labels() = before.metadata().labels();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateDeploymentStatus(Typed<Deployment>(object), Typed<Deployment>(old));
  }
};

class DeploymentStrategy : public ReplicasStrategy<Deployment> {
 public:
  void Default(Message& object) const override {
    ReplicasStrategy::Default(object);
    auto& strategy = *Typed<Deployment>(object).mutable_spec()->mutable_strategy();
    if (strategy.type() != "RollingUpdate") return;
    auto& rolling = *strategy.mutable_rollingupdate();
    if (!rolling.has_maxunavailable()) api::SetString(rolling.mutable_maxunavailable(), "25%");
    if (!rolling.has_maxsurge()) api::SetString(rolling.mutable_maxsurge(), "25%");
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateDeployment(Typed<Deployment>(object));
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    ErrorList errors = Validate(context, object);
    ValidateSelectorUnchanged(Typed<Deployment>(object).spec().selector(),
                              Typed<Deployment>(old).spec().selector(), errors);
    return errors;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Deployment> kPrinter(kColumns, DeploymentRow);
    return kPrinter;
  }

 protected:
  // Annotations count too: they are copied to the replica sets.
  bool WantsTheSame(const Deployment& deployment, const Deployment& before) const override {
    return api::SameLabels(deployment.metadata().annotations(), before.metadata().annotations()) &&
           SemanticEqual(deployment.spec(), before.spec());
  }

 private:
  DeploymentStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeDeploymentStrategy() {
  return std::make_unique<DeploymentStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
