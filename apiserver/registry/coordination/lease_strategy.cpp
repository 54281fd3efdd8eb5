#include "apiserver/registry/coordination/lease_strategy.h"

#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "proto/api/coordination/v1.pb.h"

#include <array>

// Source: pkg/registry/coordination/lease, pkg/apis/coordination/validation.
namespace wherry::apiserver::registry::coordination {

using api::coordination::v1::Lease;

namespace {

constexpr std::array<TableColumn, 3> kColumns = {
    kNameColumn, TableColumn{.name = "Holder", .description = "Who has it."}, kAgeColumn};

TableRow LeaseRow(const Lease& lease, WallTime now) {
  return {.cells = {NameCell(lease.metadata()), StringCell(lease.spec().holderidentity()),
                    AgeCell(lease.metadata(), now)}};
}

class LeaseStrategy : public KindStrategy<Lease> {
 public:
  void PrepareForUpdate(const Context&, Message&, const Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    const auto& spec = Typed<Lease>(object).spec();
    FieldPath path("spec");
    ErrorList errors;
    if (spec.has_leasedurationseconds() && spec.leasedurationseconds() <= 0) {
      errors.Invalid(path.Child("leaseDurationSeconds"), spec.leasedurationseconds(),
                     "must be greater than 0");
    }
    CheckNonNegative(errors, path.Child("leaseTransitions"), spec.leasetransitions());
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  bool AllowCreateOnUpdate() const override { return true; }
  bool AllowUnconditionalUpdate() const override { return false; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Lease> kPrinter(kColumns, LeaseRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeLeaseStrategy() { return std::make_unique<LeaseStrategy>(); }

}  // namespace wherry::apiserver::registry::coordination
