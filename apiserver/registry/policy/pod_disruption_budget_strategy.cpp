#include "apiserver/registry/policy/pod_disruption_budget_strategy.h"

#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/selector_validation.h"
#include "lib/api/codec.h"
#include "lib/api/intstr.h"
#include "lib/api/validation.h"
#include "proto/api/policy/v1.pb.h"

#include <array>

// Source: pkg/registry/policy/poddisruptionbudget, pkg/apis/policy/validation.
namespace wherry::apiserver::registry::policy {

using api::meta::v1::IntOrString;
using api::policy::v1::PodDisruptionBudget;

namespace {

constexpr std::string_view kPolicies[] = {"AlwaysAllow", "IfHealthyBudget"};

constexpr std::array<TableColumn, 5> kColumns = {
    kNameColumn, TableColumn{.name = "Min Available", .description = "Pods that must be there."},
    TableColumn{.name = "Max Unavailable", .description = "Pods that may be missing."},
    TableColumn{.name = "Allowed Disruptions",
                .type = "integer",
                .description = "Pods that may be evicted now."},
    kAgeColumn};

std::string TextOr(bool present, const IntOrString& value) {
  return present ? api::ToText(value) : "N/A";
}

TableRow BudgetRow(const PodDisruptionBudget& budget, WallTime now) {
  const auto& spec = budget.spec();
  return {.cells = {NameCell(budget.metadata()),
                    StringCell(TextOr(spec.has_minavailable(), spec.minavailable())),
                    StringCell(TextOr(spec.has_maxunavailable(), spec.maxunavailable())),
                    IntegerCell(budget.status().disruptionsallowed()),
                    AgeCell(budget.metadata(), now)}};
}

void ValidateShare(const IntOrString& value, const FieldPath& path, ErrorList& errors) {
  if (!api::IsString(value)) return CheckNonNegative(errors, path, value.intval());
  auto reasons = api::IsValidPercent(value.strval());
  if (!reasons.empty()) return errors.InvalidEach(path, GoIntOrString(value), reasons);
  auto hundredths = api::ScaledValueFromIntOrPercent(value, 100, false);
  if (!hundredths.ok() || *hundredths > 100) {
    errors.Invalid(path, GoIntOrString(value), "must not be greater than 100%");
  }
}

ErrorList ValidateBudget(const PodDisruptionBudget& budget) {
  ErrorList errors;
  const auto& spec = budget.spec();
  FieldPath path("spec");
  if (spec.has_minavailable() && spec.has_maxunavailable()) {
    errors.Invalid(path, api::field::BadValue::Raw(api::ToJson(spec)),
                   "minAvailable and maxUnavailable cannot be both set");
  }
  if (spec.has_minavailable()) {
    ValidateShare(spec.minavailable(), path.Child("minAvailable"), errors);
  }
  if (spec.has_maxunavailable()) {
    ValidateShare(spec.maxunavailable(), path.Child("maxUnavailable"), errors);
  }
  ValidateLabelSelector(spec.selector(), path.Child("selector"), errors);
  if (spec.has_unhealthypodevictionpolicy()) {
    CheckOneOf(errors, path.Child("unhealthyPodEvictionPolicy"), spec.unhealthypodevictionpolicy(),
               kPolicies);
  }
  return errors;
}

class BudgetStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    *Typed<PodDisruptionBudget>(object).mutable_spec() = Typed<PodDisruptionBudget>(old).spec();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    const auto& status = Typed<PodDisruptionBudget>(object).status();
    FieldPath path("status");
    ErrorList errors;
    CheckNonNegative(errors, path.Child("disruptionsAllowed"), status.disruptionsallowed());
    CheckNonNegative(errors, path.Child("currentHealthy"), status.currenthealthy());
    CheckNonNegative(errors, path.Child("desiredHealthy"), status.desiredhealthy());
    CheckNonNegative(errors, path.Child("expectedPods"), status.expectedpods());
    return errors;
  }
};

class BudgetStrategy : public KindStrategy<PodDisruptionBudget> {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    auto& budget = Typed<PodDisruptionBudget>(object);
    const auto& before = Typed<PodDisruptionBudget>(old);
    *budget.mutable_status() = before.status();
    if (SemanticEqual(budget.spec(), before.spec())) return;
    budget.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }
  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateBudget(Typed<PodDisruptionBudget>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object, const Message&) const override {
    return ValidateBudget(Typed<PodDisruptionBudget>(object));
  }
  // A budget is spent by whoever has read it.
  bool AllowUnconditionalUpdate() const override { return false; }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<PodDisruptionBudget> kPrinter(kColumns, BudgetRow);
    return kPrinter;
  }

 private:
  BudgetStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakePodDisruptionBudgetStrategy() {
  return std::make_unique<BudgetStrategy>();
}

}  // namespace wherry::apiserver::registry::policy
