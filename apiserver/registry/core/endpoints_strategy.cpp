#include "apiserver/registry/core/field_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <array>

// Source: pkg/registry/core/endpoint, pkg/apis/core/validation ValidateEndpoints.
namespace wherry::apiserver::registry::core {

using api::core::v1::EndpointAddress;
using api::core::v1::EndpointPort;
using api::core::v1::Endpoints;

namespace {

constexpr std::array<TableColumn, 3> kColumns = {
    kNameColumn, TableColumn{.name = "Endpoints", .description = "Ready addresses with ports."},
    kAgeColumn};

std::string HostPort(const std::string& ip, int32_t port) {
  bool is_ipv6 = ip.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::string FormatEndpoints(const Endpoints& endpoints) {
  if (endpoints.subsets_size() == 0) return "<none>";
  ShortList list;
  for (const auto& subset : endpoints.subsets()) {
    if (subset.ports_size() == 0) {
      for (const auto& address : subset.addresses()) list.Add(address.ip());
    }
    for (const auto& port : subset.ports()) {
      for (const auto& address : subset.addresses()) list.Add(HostPort(address.ip(), port.port()));
    }
  }
  return list.Text();
}

TableRow EndpointsRow(const Endpoints& endpoints, WallTime now) {
  return {.cells = {NameCell(endpoints.metadata()), StringCell(FormatEndpoints(endpoints)),
                    AgeCell(endpoints.metadata(), now)}};
}

void ValidateAddress(const EndpointAddress& address, const FieldPath& path, ErrorList& errors) {
  AddReasons(errors, path.Child("ip"), address.ip(), api::IsValidIP(address.ip()));
  if (!address.hostname().empty()) {
    CheckDNS1123Label(errors, path.Child("hostname"), address.hostname());
  }
  if (address.has_nodename()) {
    AddReasons(errors, path.Child("nodeName"), address.nodename(),
               api::NameIsDNSSubdomain(address.nodename(), false));
  }
  CheckNonSpecialIP(errors, path.Child("ip"), address.ip());
}

void ValidatePort(const EndpointPort& port, bool needs_name, const FieldPath& path,
                  ErrorList& errors) {
  if (!port.name().empty()) {
    CheckDNS1123Label(errors, path.Child("name"), port.name());
  } else if (needs_name) {
    errors.Required(path.Child("name"));
  }
  AddReasons(errors, path.Child("port"), port.port(), api::IsValidPortNum(port.port()));
  CheckRequiredOneOf(errors, path.Child("protocol"), port.protocol(), kProtocols);
  if (port.has_appprotocol()) {
    CheckQualifiedName(errors, path.Child("appProtocol"), port.appprotocol());
  }
}

template <typename Items, typename Check>
void ForEach(const Items& items, const FieldPath& path, const Check& check) {
  for (int i = 0; i < items.size(); ++i) check(items[i], path.Index(i));
}

class EndpointsStrategy : public KindStrategy<Endpoints> {
 public:
  void PrepareForCreate(const Context&, Message&) const override {}

  ErrorList Validate(const Context&, const Message& object) const override {
    ErrorList errors;
    const auto& subsets = Typed<Endpoints>(object).subsets();
    ForEach(subsets, FieldPath("subsets"), [&errors](const auto& subset, const FieldPath& path) {
      if (subset.addresses_size() == 0 && subset.notreadyaddresses_size() == 0) {
        errors.Required(path, "must specify `addresses` or `notReadyAddresses`");
      }
      auto check_address = [&errors](const EndpointAddress& address, const FieldPath& at) {
        ValidateAddress(address, at, errors);
      };
      ForEach(subset.addresses(), path.Child("addresses"), check_address);
      ForEach(subset.notreadyaddresses(), path.Child("notReadyAddresses"), check_address);
      bool several = subset.ports_size() > 1;
      ForEach(subset.ports(), path.Child("ports"),
              [&errors, several](const EndpointPort& port, const FieldPath& at) {
                ValidatePort(port, several, at, errors);
              });
    });
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message&) const override {
    return Validate(context, object);
  }

  bool AllowCreateOnUpdate() const override { return true; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Endpoints> kPrinter(kColumns, EndpointsRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeEndpointsStrategy() { return std::make_unique<EndpointsStrategy>(); }

}  // namespace wherry::apiserver::registry::core
