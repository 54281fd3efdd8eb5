#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/apps/workload_validation.h"
#include "apiserver/registry/core/replicas_strategy.h"
#include "apiserver/registry/core/replicas_validation.h"
#include "lib/api/validation.h"
#include "proto/api/apps/v1.pb.h"

#include <array>

// Source: pkg/registry/apps/statefulset/strategy.go, pkg/apis/apps/v1/defaults.go.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::StatefulSet;

namespace {

constexpr std::array<TableColumn, 5> kColumns = {
    kNameColumn,
    TableColumn{.name = "Ready", .description = "Pods that are ready, of those wanted."},
    kAgeColumn, kContainersColumn, kImagesColumn};

TableRow StatefulSetRow(const StatefulSet& set, WallTime now) {
  const auto& pod_spec = set.spec().template_().spec();
  return {.cells = {NameCell(set.metadata()),
                    StringCell(std::to_string(set.status().readyreplicas()) + "/" +
                               std::to_string(set.spec().replicas())),
                    AgeCell(set.metadata(), now), StringCell(ContainerNames(pod_spec)),
                    StringCell(ContainerImages(pod_spec))}};
}

class StatefulSetStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<StatefulSet>(object).mutable_spec() = Typed<StatefulSet>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    return ValidateStatefulSetStatus(Typed<StatefulSet>(object));
  }
};

class StatefulSetStrategy : public ReplicasStrategy<StatefulSet> {
 public:
  void Default(Message& object) const override {
    ReplicasStrategy::Default(object);
    auto& spec = *Typed<StatefulSet>(object).mutable_spec();
    auto& strategy = *spec.mutable_updatestrategy();
    if (strategy.type().empty()) {
      strategy.set_type("RollingUpdate");
      strategy.mutable_rollingupdate();
    }
    if (strategy.type() == "RollingUpdate" && strategy.has_rollingupdate() &&
        !strategy.rollingupdate().has_partition()) {
      strategy.mutable_rollingupdate()->set_partition(0);
    }
    auto& retention = *spec.mutable_persistentvolumeclaimretentionpolicy();
    if (retention.whendeleted().empty()) retention.set_whendeleted("Retain");
    if (retention.whenscaled().empty()) retention.set_whenscaled("Retain");
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateStatefulSet(Typed<StatefulSet>(object));
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    ErrorList errors = Validate(context, object);
    // What may change.
    auto allowed = Typed<StatefulSet>(old).spec();
    const auto& spec = Typed<StatefulSet>(object).spec();
    allowed.set_replicas(spec.replicas());
    allowed.set_minreadyseconds(spec.minreadyseconds());
    *allowed.mutable_template_() = spec.template_();
    *allowed.mutable_updatestrategy() = spec.updatestrategy();
    *allowed.mutable_persistentvolumeclaimretentionpolicy() =
        spec.persistentvolumeclaimretentionpolicy();
    allowed.clear_ordinals();
    if (spec.has_ordinals()) *allowed.mutable_ordinals() = spec.ordinals();
    if (!SemanticEqual(spec, allowed)) {
      errors.Forbidden(FieldPath("spec"),
                       "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                       "'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and "
                       "'minReadySeconds' are forbidden");
    }
    return errors;
  }

  // Its pods are called after it.
  std::vector<std::string> ValidateName(std::string_view name, bool prefix) const override {
    return api::NameIsDNSLabel(name, prefix);
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<StatefulSet> kPrinter(kColumns, StatefulSetRow);
    return kPrinter;
  }

 private:
  StatefulSetStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeStatefulSetStrategy() {
  return std::make_unique<StatefulSetStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
