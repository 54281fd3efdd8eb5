#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <array>
#include <map>

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

using Data = google::protobuf::Map<std::string, std::string>;

// The bytes of all values.
int64_t ValidateData(const Data& data, const Data* other, const FieldPath& path,
                     ErrorList& errors) {
  int64_t bytes = 0;
  for (const auto& [key, value] : data) {
    AddReasons(errors, path.Key(key), key, api::IsConfigMapKey(key));
    if (other != nullptr && other->contains(key)) {
      errors.Invalid(path.Key(key), key, "duplicate of key present in binaryData");
    }
    bytes += static_cast<int64_t>(value.size());
  }
  return bytes;
}

bool SameData(const Data& a, const Data& b) {
  return std::map<std::string, std::string>(a.begin(), a.end()) ==
         std::map<std::string, std::string>(b.begin(), b.end());
}

class ConfigMapStrategy : public KindStrategy<ConfigMap> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    const ConfigMap& config_map = Typed<ConfigMap>(object);
    ErrorList errors;
    int64_t bytes =
        ValidateData(config_map.data(), &config_map.binarydata(), FieldPath("data"), errors) +
        ValidateData(config_map.binarydata(), nullptr, FieldPath("binaryData"), errors);
    if (bytes > kDataBytesMax) errors.TooLong(FieldPath(""), kDataBytesMax);
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    const ConfigMap& config_map = Typed<ConfigMap>(object);
    const ConfigMap& before = Typed<ConfigMap>(old);
    constexpr std::string_view kSealed = "field is immutable when `immutable` is set";
    ErrorList errors;
    if (before.immutable()) {
      if (!config_map.immutable()) errors.Forbidden(FieldPath("immutable"), kSealed);
      if (!SameData(config_map.data(), before.data())) {
        errors.Forbidden(FieldPath("data"), kSealed);
      }
      if (!SameData(config_map.binarydata(), before.binarydata())) {
        errors.Forbidden(FieldPath("binaryData"), kSealed);
      }
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
