#include "apiserver/registry/discovery/endpoint_slice_strategy.h"

#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/discovery/endpoint_slice_validation.h"
#include "lib/api/same_labels.h"
#include "proto/api/discovery/v1.pb.h"

#include <array>
#include <map>

// Source: pkg/registry/discovery/endpointslice/strategy.go.
namespace wherry::apiserver::registry::discovery {

using api::discovery::v1::EndpointSlice;

namespace {

constexpr std::array<TableColumn, 5> kColumns = {
    kNameColumn,
    TableColumn{.name = "AddressType", .description = "What kind of addresses it has."},
    TableColumn{.name = "Ports", .description = "The ports of every endpoint."},
    TableColumn{.name = "Endpoints", .description = "The endpoints' addresses."}, kAgeColumn};

TableRow EndpointSliceRow(const EndpointSlice& slice, WallTime now) {
  ShortList ports;
  for (const auto& port : slice.ports()) {
    if (port.has_port()) {
      ports.Add(std::to_string(port.port()));
    } else {
      ports.Add(port.has_name() ? port.name() : "*");
    }
  }
  ShortList addresses;
  for (const auto& endpoint : slice.endpoints()) {
    for (const auto& address : endpoint.addresses()) addresses.Add(address);
  }
  return {.cells = {NameCell(slice.metadata()), StringCell(slice.addresstype()),
                    CellOr(ports.Text(), "<unset>"), CellOr(addresses.Text(), "<unset>"),
                    AgeCell(slice.metadata(), now)}};
}

bool SameBeyondMetadata(const EndpointSlice& a, const EndpointSlice& b) {
  EndpointSlice left = a;
  EndpointSlice right = b;
  left.clear_metadata();
  right.clear_metadata();
  return SemanticEqual(left, right);
}

// The field of the beta API, kept for reading only.
void DropTopology(EndpointSlice& slice) {
  for (auto& endpoint : *slice.mutable_endpoints()) endpoint.clear_deprecatedtopology();
}

class EndpointSliceStrategy : public KindStrategy<EndpointSlice> {
 public:
  void PrepareForCreate(const Context&, Message& object) const override {
    EndpointSlice& slice = Typed<EndpointSlice>(object);
    slice.mutable_metadata()->set_generation(1);
    DropTopology(slice);
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    EndpointSlice& slice = Typed<EndpointSlice>(object);
    const EndpointSlice& before = Typed<EndpointSlice>(old);
    if (SameBeyondMetadata(slice, before)) {
      if (api::SameLabels(slice.metadata().labels(), before.metadata().labels())) return;
    } else {
      DropTopology(slice);
    }
    slice.mutable_metadata()->set_generation(before.metadata().generation() + 1);
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateEndpointSlice(Typed<EndpointSlice>(object));
  }

  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    const EndpointSlice& slice = Typed<EndpointSlice>(object);
    ErrorList errors = ValidateEndpointSlice(slice);
    CheckImmutable(errors, FieldPath("addressType"), slice.addresstype(),
                   Typed<EndpointSlice>(old).addresstype());
    return errors;
  }

  std::vector<std::string> WarningsOnCreate(const Context&, const Message& object) const override {
    if (Typed<EndpointSlice>(object).addresstype() != "FQDN") return {};
    return {"spec.addressType: FQDN endpoints are deprecated"};
  }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<EndpointSlice> kPrinter(kColumns, EndpointSliceRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeEndpointSliceStrategy() {
  return std::make_unique<EndpointSliceStrategy>();
}

}  // namespace wherry::apiserver::registry::discovery
