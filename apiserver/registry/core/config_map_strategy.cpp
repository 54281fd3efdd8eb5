#include "apiserver/registry/core/data_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/configmap, pkg/apis/core/validation ValidateConfigMap.
namespace wherry::apiserver::registry::core {

using api::core::v1::ConfigMap;

namespace {

constexpr std::array<TableColumn, 3> kColumns = {
    kNameColumn, TableColumn{.name = "Data", .description = "How many entries it has."},
    kAgeColumn};

TableRow ConfigMapRow(const ConfigMap& config_map, WallTime now) {
  size_t entries = config_map.data().size() + config_map.binarydata().size();
  return {.cells = {NameCell(config_map.metadata()), IntegerCell(static_cast<int64_t>(entries)),
                    AgeCell(config_map.metadata(), now)}};
}

class ConfigMapStrategy : public KindStrategy<ConfigMap> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    const ConfigMap& config_map = Typed<ConfigMap>(object);
    ErrorList errors;
    int64_t bytes = CheckDataKeys(errors, FieldPath("data"), config_map.data());
    for (const auto& [key, value] : config_map.data()) {
      if (config_map.binarydata().contains(key))
        errors.Invalid(FieldPath("data").Key(key), key, "duplicate of key present in binaryData");
    }
    bytes += CheckDataKeys(errors, FieldPath("binaryData"), config_map.binarydata());
    // Upstream's path without a name, as it is printed.
    if (bytes > kDataBytesMax) errors.TooLong(FieldPath("[]"), kDataBytesMax);
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    const ConfigMap& config_map = Typed<ConfigMap>(object);
    const ConfigMap& before = Typed<ConfigMap>(old);
    ErrorList errors;
    if (before.immutable()) {
      CheckStaysImmutable(errors, config_map.immutable());
      CheckSameData(errors, FieldPath("data"), config_map.data(), before.data());
      CheckSameData(errors, FieldPath("binaryData"), config_map.binarydata(), before.binarydata());
    }
    errors.Append(Validate(context, object));
    return errors;
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<ConfigMap> kPrinter(kColumns, ConfigMapRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeConfigMapStrategy() { return std::make_unique<ConfigMapStrategy>(); }

}  // namespace wherry::apiserver::registry::core
