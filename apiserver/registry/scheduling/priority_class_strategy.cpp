#include "apiserver/registry/scheduling/priority_class_strategy.h"

#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/scheduling/system_classes.h"
#include "proto/api/scheduling/v1.pb.h"

#include <algorithm>
#include <array>

// Source: pkg/registry/scheduling/priorityclass, pkg/apis/scheduling/validation.
namespace wherry::apiserver::registry::scheduling {

using api::scheduling::v1::PriorityClass;

namespace {

constexpr std::string_view kPolicies[] = {"PreemptLowerPriority", "Never"};

constexpr std::array<TableColumn, 4> kColumns = {
    kNameColumn,
    TableColumn{.name = "Value", .type = "integer", .description = "The priority of its pods."},
    TableColumn{.name = "Global-Default",
                .type = "boolean",
                .description = "Whether pods that name no class have it."},
    kAgeColumn};

TableRow PriorityClassRow(const PriorityClass& priority_class, WallTime now) {
  return {.cells = {NameCell(priority_class.metadata()), IntegerCell(priority_class.value()),
                    priority_class.globaldefault() ? "true" : "false",
                    AgeCell(priority_class.metadata(), now)}};
}

const SystemClass* FindSystemClass(std::string_view name) {
  const auto* found = std::find_if(kSystemClasses.begin(), kSystemClasses.end(),
                                   [name](const SystemClass& each) { return each.name == name; });
  return found == kSystemClasses.end() ? nullptr : found;
}

// What a name with the system's prefix is refused for; "" when it is one of the system's.
std::string WhyNotSystem(const PriorityClass& priority_class) {
  const std::string& name = priority_class.metadata().name();
  const SystemClass* known = FindSystemClass(name);
  if (known == nullptr) return name + " is not a known system priority class";
  if (priority_class.value() != known->value) {
    return "value of " + name + " PriorityClass must be " + std::to_string(known->value);
  }
  if (priority_class.globaldefault()) {
    return "globalDefault of " + name + " PriorityClass must be false";
  }
  return "";
}

class PriorityClassStrategy : public KindStrategy<PriorityClass> {
 public:
  void PrepareForCreate(const Context&, Message& object) const override {
    Typed<PriorityClass>(object).mutable_metadata()->set_generation(1);
  }
  void PrepareForUpdate(const Context&, Message&, const Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    const PriorityClass& priority_class = Typed<PriorityClass>(object);
    ErrorList errors;
    if (priority_class.metadata().name().starts_with(kSystemPrefix)) {
      std::string why = WhyNotSystem(priority_class);
      if (!why.empty()) {
        errors.Forbidden(FieldPath("metadata").Child("name"),
                         "priority class names with '" + std::string(kSystemPrefix) +
                             "' prefix are reserved for system use only. error: " + why);
      }
    } else if (priority_class.value() > kHighestUserValue) {
      errors.Forbidden(FieldPath("value"), "maximum allowed value of a user defined priority is " +
                                               std::to_string(kHighestUserValue));
    }
    if (priority_class.has_preemptionpolicy()) {
      CheckRequiredOneOf(errors, FieldPath("preemptionPolicy"), priority_class.preemptionpolicy(),
                         kPolicies);
    }
    return errors;
  }

  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const PriorityClass& priority_class = Typed<PriorityClass>(object);
    const PriorityClass& before = Typed<PriorityClass>(old);
    ErrorList errors;
    if (priority_class.value() != before.value()) {
      errors.Forbidden(FieldPath("value"), "may not be changed in an update.");
    }
    CheckImmutable(errors, FieldPath("preemptionPolicy"), priority_class.preemptionpolicy(),
                   before.preemptionpolicy());
    return errors;
  }

  std::string_view WhyKept(std::string_view name) const override {
    return FindSystemClass(name) == nullptr
               ? std::string_view()
               : "this is a system priority class and cannot be deleted";
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<PriorityClass> kPrinter(kColumns, PriorityClassRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakePriorityClassStrategy() {
  return std::make_unique<PriorityClassStrategy>();
}

}  // namespace wherry::apiserver::registry::scheduling
