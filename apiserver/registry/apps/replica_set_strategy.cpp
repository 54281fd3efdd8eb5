#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/apps/workload_validation.h"
#include "apiserver/registry/core/replicas_strategy.h"
#include "proto/api/apps/v1.pb.h"

// Source: pkg/registry/apps/replicaset/strategy.go.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::ReplicaSet;

namespace {

TableRow ReplicaSetRow(const ReplicaSet& replica_set, WallTime now) {
  return ReplicaRow(replica_set, FormatLabelSelector(replica_set.spec().selector()), now);
}

class ReplicaSetStrategy : public ReplicasStrategy<ReplicaSet> {
 public:
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

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"status.replicas", "0"}};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ReplicaSet> kPrinter(kReplicaColumns, ReplicaSetRow);
    return kPrinter;
  }

 private:
  ReplicaCountsStrategy<ReplicaSet> status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeReplicaSetStrategy() {
  return std::make_unique<ReplicaSetStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
