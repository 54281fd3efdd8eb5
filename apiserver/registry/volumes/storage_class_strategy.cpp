#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/volumes/strategies.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/storage/v1.pb.h"

#include <algorithm>
#include <array>

// Source: pkg/registry/storage/storageclass, pkg/apis/storage/validation.
namespace wherry::apiserver::registry::volumes {

using api::storage::v1::StorageClass;

namespace {

constexpr std::string_view kReclaimPolicies[] = {"Delete", "Retain"};
constexpr std::string_view kBindingModes[] = {"Immediate", "WaitForFirstConsumer"};
constexpr int64_t kParametersMax = 512;
constexpr int64_t kParameterBytesMax = 256 * 1024;
constexpr const char* kDefaultAnnotations[] = {"storageclass.kubernetes.io/is-default-class",
                                               "storageclass.beta.kubernetes.io/is-default-class"};

constexpr std::array<TableColumn, 6> kColumns = {
    kNameColumn,
    TableColumn{.name = "Provisioner", .description = "Who makes the volumes."},
    TableColumn{.name = "ReclaimPolicy", .description = "What becomes of a volume given back."},
    TableColumn{.name = "VolumeBindingMode", .description = "When a claim gets its volume."},
    TableColumn{.name = "AllowVolumeExpansion", .description = "Whether volumes may grow."},
    kAgeColumn};

bool IsDefault(const StorageClass& storage_class) {
  const auto& annotations = storage_class.metadata().annotations();
  return std::any_of(std::begin(kDefaultAnnotations), std::end(kDefaultAnnotations),
                     [&annotations](const char* name) {
                       auto found = annotations.find(name);
                       return found != annotations.end() && found->second == "true";
                     });
}

TableRow StorageClassRow(const StorageClass& storage_class, WallTime now) {
  std::string name = storage_class.metadata().name();
  if (IsDefault(storage_class)) name += " (default)";
  return {.cells = {StringCell(name), StringCell(storage_class.provisioner()),
                    CellOr(storage_class.reclaimpolicy(), "Delete"),
                    CellOr(storage_class.volumebindingmode(), "Immediate"),
                    storage_class.allowvolumeexpansion() ? "true" : "false",
                    AgeCell(storage_class.metadata(), now)}};
}

void ValidateParameters(const StorageClass& storage_class, ErrorList& errors) {
  FieldPath path("parameters");
  const auto& parameters = storage_class.parameters();
  if (parameters.size() > kParametersMax) return errors.TooLong(path, kParametersMax);
  size_t bytes = 0;
  for (const auto& [key, value] : parameters) {
    if (key.empty()) errors.Invalid(path, key, "field can not be empty.");
    bytes += key.size() + value.size();
  }
  if (bytes > kParameterBytesMax) errors.TooLong(path, kParameterBytesMax);
}

void ValidateTopologies(const StorageClass& storage_class, ErrorList& errors) {
  FieldPath path("allowedTopologies");
  for (int i = 0; i < storage_class.allowedtopologies_size(); ++i) {
    const auto& term = storage_class.allowedtopologies(i);
    for (int j = 0; j < term.matchlabelexpressions_size(); ++j) {
      const auto& expression = term.matchlabelexpressions(j);
      FieldPath where = path.Index(i).Child("matchLabelExpressions").Index(j);
      if (expression.values_size() == 0) errors.Required(where.Child("values"));
      CheckQualifiedName(errors, where.Child("key"), expression.key());
    }
  }
}

class StorageClassStrategy : public KindStrategy<StorageClass> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    const StorageClass& storage_class = Typed<StorageClass>(object);
    ErrorList errors;
    FieldPath provisioner("provisioner");
    if (storage_class.provisioner().empty()) {
      errors.Required(provisioner);
    } else {
      CheckQualifiedName(errors, provisioner, AsciiLowered(storage_class.provisioner()));
    }
    ValidateParameters(storage_class, errors);
    if (!storage_class.reclaimpolicy().empty()) {
      CheckOneOf(errors, FieldPath("reclaimPolicy"), storage_class.reclaimpolicy(),
                 kReclaimPolicies);
    }
    CheckOneOf(errors, FieldPath("volumeBindingMode"), storage_class.volumebindingmode(),
               kBindingModes);
    ValidateTopologies(storage_class, errors);
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    const StorageClass& storage_class = Typed<StorageClass>(object);
    const StorageClass& before = Typed<StorageClass>(old);
    ErrorList errors = Validate(context, object);
    bool same = storage_class.parameters().size() == before.parameters().size() &&
                std::all_of(before.parameters().begin(), before.parameters().end(),
                            [&storage_class](const auto& entry) {
                              auto found = storage_class.parameters().find(entry.first);
                              return found != storage_class.parameters().end() &&
                                     found->second == entry.second;
                            });
    if (!same) errors.Forbidden(FieldPath("parameters"), "updates to parameters are forbidden.");
    if (storage_class.provisioner() != before.provisioner()) {
      errors.Forbidden(FieldPath("provisioner"), "updates to provisioner are forbidden.");
    }
    if (storage_class.reclaimpolicy() != before.reclaimpolicy()) {
      errors.Forbidden(FieldPath("reclaimPolicy"), "updates to reclaimPolicy are forbidden.");
    }
    CheckImmutable(errors, FieldPath("volumeBindingMode"), storage_class.volumebindingmode(),
                   before.volumebindingmode());
    return errors;
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<StorageClass> kPrinter(kColumns, StorageClassRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeStorageClassStrategy() {
  return std::make_unique<StorageClassStrategy>();
}

}  // namespace wherry::apiserver::registry::volumes
