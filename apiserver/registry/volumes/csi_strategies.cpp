#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/go_syntax.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/name_set.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/selector_validation.h"
#include "apiserver/registry/volumes/strategies.h"
#include "apiserver/registry/volumes/volume_checks.h"
#include "lib/api/codec.h"
#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/storage/v1.pb.h"

#include <array>

// Source: pkg/registry/storage/{csidriver,csinode,csistoragecapacity}, pkg/apis/storage/validation.
namespace wherry::apiserver::registry::volumes {

using api::storage::v1::CSIDriver;
using api::storage::v1::CSINode;
using api::storage::v1::CSINodeDriver;
using api::storage::v1::CSIStorageCapacity;

namespace {

constexpr std::string_view kGroupPolicies[] = {"File", "None", "ReadWriteOnceWithFSType"};
constexpr std::string_view kLifecycleModes[] = {"Persistent", "Ephemeral"};
constexpr int64_t kTokenSecondsMin = 600;
constexpr int64_t kTokenSecondsMax = int64_t{1} << 32;
constexpr size_t kDriverNameMax = 63;
constexpr size_t kNodeIdMax = 192;

constexpr std::array<TableColumn, 8> kDriverColumns = {
    kNameColumn,
    TableColumn{.name = "AttachRequired",
                .type = "boolean",
                .description = "Whether volumes are attached to a node first."},
    TableColumn{.name = "PodInfoOnMount",
                .type = "boolean",
                .description = "Whether the driver is told of the pod."},
    TableColumn{.name = "StorageCapacity",
                .type = "boolean",
                .description = "Whether the scheduler looks at what is left."},
    TableColumn{.name = "TokenRequests", .description = "Audiences of the tokens it gets."},
    TableColumn{.name = "RequiresRepublish",
                .type = "boolean",
                .description = "Whether volumes are mounted again and again."},
    TableColumn{.name = "Modes", .description = "The sorts of volumes it makes."},
    kAgeColumn};

constexpr std::array<TableColumn, 3> kNodeColumns = {
    kNameColumn,
    TableColumn{.name = "Drivers", .type = "integer", .description = "Drivers on the node."},
    kAgeColumn};

constexpr std::array<TableColumn, 3> kCapacityColumns = {
    kNameColumn, TableColumn{.name = "StorageClassName", .description = "Of which class."},
    TableColumn{.name = "Capacity", .description = "How much is left."}};

std::string BooleanCell(bool value) { return value ? "true" : "false"; }

TableRow DriverRow(const CSIDriver& driver, WallTime now) {
  const auto& spec = driver.spec();
  std::string modes;
  for (const std::string& mode : spec.volumelifecyclemodes()) {
    modes += (modes.empty() ? "" : ",") + mode;
  }
  std::string audiences;
  for (const auto& request : spec.tokenrequests()) {
    audiences += (audiences.empty() ? "" : ",") + request.audience();
  }
  return {.cells = {NameCell(driver.metadata()),
                    BooleanCell(!spec.has_attachrequired() || spec.attachrequired()),
                    BooleanCell(spec.podinfoonmount()), BooleanCell(spec.storagecapacity()),
                    StringCell(spec.tokenrequests().empty() ? "<unset>" : audiences),
                    BooleanCell(spec.requiresrepublish()), CellOr(modes, "<none>"),
                    AgeCell(driver.metadata(), now)}};
}

TableRow NodeRow(const CSINode& node, WallTime now) {
  return {.cells = {NameCell(node.metadata()), IntegerCell(node.spec().drivers_size()),
                    AgeCell(node.metadata(), now)}};
}

TableRow CapacityRow(const CSIStorageCapacity& capacity, WallTime) {
  return {.cells = {
              NameCell(capacity.metadata()), StringCell(capacity.storageclassname()),
              StringCell(capacity.has_capacity() ? api::Quantity::From(capacity.capacity()).String()
                                                 : "<unset>")}};
}

ErrorList ValidateDriver(const CSIDriver& driver) {
  const auto& spec = driver.spec();
  FieldPath path("spec");
  ErrorList errors;
  if (spec.has_fsgrouppolicy()) {
    CheckOneOf(errors, path.Child("fsGroupPolicy"), spec.fsgrouppolicy(), kGroupPolicies);
  }
  NameSet audiences;
  for (int i = 0; i < spec.tokenrequests_size(); ++i) {
    const auto& request = spec.tokenrequests(i);
    FieldPath where = path.Child("tokenRequests").Index(i);
    if (!audiences.Insert(request.audience())) {
      errors.Duplicate(where.Child("audience"), request.audience());
      continue;
    }
    if (!request.has_expirationseconds()) continue;
    if (request.expirationseconds() < kTokenSecondsMin) {
      errors.Invalid(where.Child("expirationSeconds"), request.expirationseconds(),
                     "may not specify a duration less than 10 minutes");
    }
    if (request.expirationseconds() > kTokenSecondsMax) {
      errors.Invalid(where.Child("expirationSeconds"), request.expirationseconds(),
                     "may not specify a duration larger than 2^32 seconds");
    }
  }
  for (const std::string& mode : spec.volumelifecyclemodes()) {
    CheckOneOf(errors, path.Child("volumeLifecycleModes"), mode, kLifecycleModes);
  }
  return errors;
}

void CheckSame(ErrorList& errors, const FieldPath& path, bool value, bool old) {
  if (value != old) errors.Invalid(path, value, kFieldIsImmutable);
}

class CSIDriverStrategy : public KindStrategy<CSIDriver> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}
  // What may change makes a new generation.
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    auto& driver = Typed<CSIDriver>(object);
    const auto& before = Typed<CSIDriver>(old);
    auto mutable_part = [](const CSIDriver& from) {
      CSIDriver part;
      *part.mutable_spec()->mutable_tokenrequests() = from.spec().tokenrequests();
      part.mutable_spec()->set_requiresrepublish(from.spec().requiresrepublish());
      return part;
    };
    if (SemanticEqual(mutable_part(driver), mutable_part(before))) return;
    driver.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }
  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateDriver(Typed<CSIDriver>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const auto& spec = Typed<CSIDriver>(object).spec();
    const auto& before = Typed<CSIDriver>(old).spec();
    ErrorList errors = ValidateDriver(Typed<CSIDriver>(object));
    FieldPath path("spec");
    CheckSame(errors, path.Child("attachedRequired"), spec.attachrequired(),
              before.attachrequired());
    CheckImmutable(errors, path.Child("fsGroupPolicy"), spec.fsgrouppolicy(),
                   before.fsgrouppolicy());
    CheckSame(errors, path.Child("podInfoOnMount"), spec.podinfoonmount(), before.podinfoonmount());
    auto modes = GoList(spec.volumelifecyclemodes());
    if (modes.text() != GoList(before.volumelifecyclemodes()).text()) {
      errors.Invalid(path.Child("volumeLifecycleModes"), modes, kFieldIsImmutable);
    }
    return errors;
  }
  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<CSIDriver> kPrinter(kDriverColumns, DriverRow);
    return kPrinter;
  }
};

void ValidateNodeDriver(const CSINodeDriver& driver, const FieldPath& path, ErrorList& errors) {
  const std::string& name = driver.name();
  if (name.empty()) {
    errors.Required(path.Child("name"));
  } else {
    if (name.size() > kDriverNameMax) errors.TooLong(path.Child("name"), kDriverNameMax);
    AddReasons(errors, path.Child("name"), name, api::IsDNS1123Subdomain(AsciiLowered(name)));
  }
  CheckRequired(errors, path.Child("nodeID"), driver.nodeid());
  if (driver.nodeid().size() > kNodeIdMax) {
    errors.Invalid(path.Child("nodeID"), driver.nodeid(),
                   "must be " + std::to_string(kNodeIdMax) + " characters or less");
  }
  CheckNonNegative(errors, path.Child("allocatable", "count"), driver.allocatable().count());
}

ErrorList ValidateNode(const CSINode& node) {
  ErrorList errors;
  FieldPath path = FieldPath("spec").Child("drivers");
  NameSet names;
  for (int i = 0; i < node.spec().drivers_size(); ++i) {
    const CSINodeDriver& driver = node.spec().drivers(i);
    FieldPath where = path.Index(i);
    ValidateNodeDriver(driver, where, errors);
    if (!names.Insert(driver.name())) errors.Duplicate(where.Child("name"), driver.name());
    NameSet keys;
    for (const std::string& key : driver.topologykeys()) {
      if (key.empty()) errors.Required(where);
      if (!keys.Insert(key)) errors.Duplicate(where, key);
      CheckQualifiedName(errors, where, key);
    }
  }
  return errors;
}

class CSINodeStrategy : public KindStrategy<CSINode> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}
  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateNode(Typed<CSINode>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const auto& spec = Typed<CSINode>(object).spec();
    ErrorList errors = ValidateNode(Typed<CSINode>(object));
    for (const CSINodeDriver& before : Typed<CSINode>(old).spec().drivers()) {
      for (const CSINodeDriver& driver : spec.drivers()) {
        if (driver.name() != before.name() || SemanticEqual(driver, before)) continue;
        errors.Invalid(FieldPath("CSINodeDriver"), api::field::BadValue::Raw(api::ToJson(driver)),
                       kFieldIsImmutable);
      }
    }
    return errors;
  }
  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<CSINode> kPrinter(kNodeColumns, NodeRow);
    return kPrinter;
  }
};

class CSIStorageCapacityStrategy : public KindStrategy<CSIStorageCapacity> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}
  ErrorList Validate(const Context&, const Message& object) const override {
    const auto& capacity = Typed<CSIStorageCapacity>(object);
    ErrorList errors;
    ValidateLabelSelector(capacity.nodetopology(), FieldPath("nodeTopology"), errors);
    AddReasons(errors, FieldPath("storageClassName"), capacity.storageclassname(),
               api::NameIsDNSSubdomain(capacity.storageclassname(), false));
    if (capacity.has_capacity()) {
      api::Quantity quantity = api::Quantity::From(capacity.capacity());
      if (quantity.Sign() < 0) {
        errors.Invalid(FieldPath("capacity"), quantity.String(), kIsNegative);
      }
    }
    return errors;
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const auto& capacity = Typed<CSIStorageCapacity>(object);
    const auto& before = Typed<CSIStorageCapacity>(old);
    ErrorList errors;
    if (!SemanticEqual(capacity.nodetopology(), before.nodetopology())) {
      errors.Invalid(FieldPath("nodeTopology"), GoSelector(capacity.nodetopology()),
                     kFieldIsImmutable);
    }
    CheckImmutable(errors, FieldPath("storageClassName"), capacity.storageclassname(),
                   before.storageclassname());
    return errors;
  }
  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<CSIStorageCapacity> kPrinter(kCapacityColumns, CapacityRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeCSIDriverStrategy() { return std::make_unique<CSIDriverStrategy>(); }
std::unique_ptr<Strategy> MakeCSINodeStrategy() { return std::make_unique<CSINodeStrategy>(); }
std::unique_ptr<Strategy> MakeCSIStorageCapacityStrategy() {
  return std::make_unique<CSIStorageCapacityStrategy>();
}

}  // namespace wherry::apiserver::registry::volumes
