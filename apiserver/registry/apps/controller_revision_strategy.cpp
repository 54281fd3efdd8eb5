#include "apiserver/registry/apps/strategies.h"
#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "lib/api/object_meta.h"
#include "lib/base/ascii.h"
#include "proto/api/apps/v1.pb.h"

#include <array>

// Source: pkg/registry/apps/controllerrevision, pkg/apis/apps/validation.
namespace wherry::apiserver::registry::apps {

using api::apps::v1::ControllerRevision;

namespace {

constexpr std::array<TableColumn, 4> kColumns = {
    kNameColumn, TableColumn{.name = "Controller", .description = "Whose revision it is."},
    TableColumn{.name = "Revision", .description = "Its number."}, kAgeColumn};

// "statefulset.apps/web".
std::string ControllerName(const ControllerRevision& revision) {
  const auto* owner = api::ControllerOf(revision.metadata());
  if (owner == nullptr) return "<none>";
  std::string name = AsciiLowered(owner->kind());
  size_t slash = owner->apiversion().find('/');
  if (slash != std::string::npos) name += "." + owner->apiversion().substr(0, slash);
  return name + "/" + owner->name();
}

TableRow ControllerRevisionRow(const ControllerRevision& revision, WallTime now) {
  return {.cells = {NameCell(revision.metadata()), StringCell(ControllerName(revision)),
                    IntegerCell(revision.revision()), AgeCell(revision.metadata(), now)}};
}

class ControllerRevisionStrategy : public KindStrategy<ControllerRevision> {
 public:
  ErrorList Validate(const Context&, const Message& object) const override {
    const ControllerRevision& revision = Typed<ControllerRevision>(object);
    ErrorList errors;
    if (!revision.has_data()) errors.Required(FieldPath("data"), "data is mandatory");
    CheckNonNegative(errors, FieldPath("revision"), revision.revision());
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    ErrorList errors = Validate(context, object);
    const std::string& data = Typed<ControllerRevision>(object).data().raw();
    if (data != Typed<ControllerRevision>(old).data().raw()) {
      errors.Invalid(FieldPath("data"), api::field::BadValue::Raw(data), kFieldIsImmutable);
    }
    return errors;
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ControllerRevision> kPrinter(kColumns, ControllerRevisionRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeControllerRevisionStrategy() {
  return std::make_unique<ControllerRevisionStrategy>();
}

}  // namespace wherry::apiserver::registry::apps
