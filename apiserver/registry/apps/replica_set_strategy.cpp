#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
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
};

class ReplicaSetStrategy : public KindStrategy<ReplicaSet> {
 public:
  void Default(Message& object) const override {
    DefaultPodTemplate(*Typed<ReplicaSet>(object).mutable_spec()->mutable_template_());
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    ReplicaSet& replica_set = Typed<ReplicaSet>(object);
    const ReplicaSet& before = Typed<ReplicaSet>(old);
    *replica_set.mutable_status() = before.status();
    if (SemanticEqual(replica_set.spec(), before.spec())) return;
    replica_set.mutable_metadata()->set_generation(before.metadata().generation() + 1);
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
  ReplicaSetStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeReplicaSetStrategy() {
  return std::make_unique<ReplicaSetStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
