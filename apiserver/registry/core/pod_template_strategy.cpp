#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/pod_defaults.h"
#include "apiserver/registry/core/pod_validation.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/podtemplate/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::PodTemplate;

namespace {

constexpr std::array<TableColumn, 4> kColumns = {
    kNameColumn,
    TableColumn{.name = "Containers", .description = "Names of the template's containers."},
    TableColumn{.name = "Images", .description = "Images of the template's containers."},
    TableColumn{.name = "Pod Labels", .description = "Labels of the pods made from it."}};

TableRow PodTemplateRow(const PodTemplate& object, WallTime) {
  const auto& pod_template = object.template_();
  return {.cells = {NameCell(object.metadata()), StringCell(ContainerNames(pod_template.spec())),
                    StringCell(ContainerImages(pod_template.spec())),
                    StringCell(FormatLabels(pod_template.metadata().labels()))}};
}

class PodTemplateStrategy : public KindStrategy<PodTemplate> {
 public:
  void Default(Message& object) const override {
    DefaultPodTemplate(*Typed<PodTemplate>(object).mutable_template_());
  }

  void PrepareForCreate(const Context&, Message& object) const override {
    PodTemplate& pod_template = Typed<PodTemplate>(object);
    pod_template.mutable_metadata()->set_generation(1);
    DropDisabledPodFields(*pod_template.mutable_template_()->mutable_spec());
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    PodTemplate& pod_template = Typed<PodTemplate>(object);
    const PodTemplate& before = Typed<PodTemplate>(old);
    DropDisabledPodFields(*pod_template.mutable_template_()->mutable_spec());
    if (SemanticEqual(pod_template.template_(), before.template_())) return;
    pod_template.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    ErrorList errors;
    ValidatePodTemplate(Typed<PodTemplate>(object).template_(), FieldPath("template"), errors);
    return errors;
  }
  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    Warnings warnings;
    AddPodSpecWarnings(Typed<PodTemplate>(object).template_().spec(),
                       FieldPath("template").Child("spec"), warnings);
    return warnings;
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<PodTemplate> kPrinter(kColumns, PodTemplateRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakePodTemplateStrategy() {
  return std::make_unique<PodTemplateStrategy>();
}

}  // namespace wherry::apiserver::registry::core
