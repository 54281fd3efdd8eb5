#include "apiserver/registry/discovery/endpoint_slice_validation.h"

#include "lib/api/validation.h"
#include "proto/api/discovery/v1.pb.h"

#include <set>

namespace wherry::apiserver::registry::discovery {

using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointHints;
using api::discovery::v1::EndpointPort;
using api::discovery::v1::EndpointSlice;

namespace {

constexpr int kAddressesMax = 100;
constexpr int kPortsMax = 20000;
constexpr int kEndpointsMax = 1000;
constexpr int kZoneHintsMax = 8;
constexpr int kTopologyLabelsMax = 16;
constexpr std::string_view kAddressTypes[] = {"FQDN", "IPv4", "IPv6"};

void ValidateDomainName(std::string_view name, const FieldPath& path, ErrorList& errors) {
  if (name.empty()) return errors.Required(path);
  if (name.ends_with('.')) name.remove_suffix(1);
  auto reasons = api::IsDNS1123Subdomain(name);
  if (!reasons.empty()) return errors.InvalidEach(path, name, reasons);
  if (name.find('.') == std::string_view::npos) {
    errors.Invalid(path, name, "should be a domain with at least two segments separated by dots");
    return;
  }
  for (size_t start = 0; start < name.size();) {
    size_t dot = std::min(name.find('.', start), name.size());
    std::string_view label = name.substr(start, dot - start);
    AddReasons(errors, path, label, api::IsDNS1123Label(label));
    start = dot + 1;
  }
}

void ValidateAddress(std::string_view type, std::string_view address, const FieldPath& path,
                     ErrorList& errors) {
  if (type == "FQDN") return ValidateDomainName(address, path, errors);
  if (type == "IPv4") {
    if (!api::IsIPv4(address)) errors.Invalid(path, address, "must be a valid IPv4 address");
  } else if (type == "IPv6") {
    if (!api::IsIPv6(address)) errors.Invalid(path, address, "must be a valid IPv6 address");
  } else {
    return;
  }
  CheckNonSpecialIP(errors, path, address);
}

void ValidateHints(const EndpointHints& hints, const FieldPath& path, ErrorList& errors) {
  if (hints.forzones_size() > kZoneHintsMax) {
    return errors.TooMany(path, hints.forzones_size(), kZoneHintsMax);
  }
  std::set<std::string_view> names;
  for (int i = 0; i < hints.forzones_size(); ++i) {
    const std::string& name = hints.forzones(i).name();
    FieldPath at = path.Index(i).Child("name");
    if (!names.insert(name).second) errors.Duplicate(at, name);
    AddReasons(errors, at, name, api::IsValidLabelValue(name));
  }
}

void ValidateEndpoint(const Endpoint& endpoint, std::string_view type, const FieldPath& path,
                      ErrorList& errors) {
  FieldPath addresses = path.Child("addresses");
  if (endpoint.addresses_size() == 0) {
    errors.Required(addresses, "must contain at least 1 address");
  } else if (endpoint.addresses_size() > kAddressesMax) {
    errors.TooMany(addresses, endpoint.addresses_size(), kAddressesMax);
  }
  for (int i = 0; i < endpoint.addresses_size(); ++i) {
    ValidateAddress(type, endpoint.addresses(i), addresses.Index(i), errors);
  }
  if (endpoint.has_nodename()) {
    AddReasons(errors, path.Child("nodeName"), endpoint.nodename(),
               api::NameIsDNSSubdomain(endpoint.nodename(), false));
  }
  int topology = static_cast<int>(endpoint.deprecatedtopology().size());
  if (topology > kTopologyLabelsMax) {
    errors.TooMany(path.Child("deprecatedTopology"), topology, kTopologyLabelsMax);
  }
  if (endpoint.has_hostname()) {
    CheckDNS1123Label(errors, path.Child("hostname"), endpoint.hostname());
  }
  if (endpoint.has_hints()) {
    ValidateHints(endpoint.hints(), path.Child("hints", "forZones"), errors);
  }
}

void ValidatePort(const EndpointPort& port, std::set<std::string_view>& names,
                  const FieldPath& path, ErrorList& errors) {
  if (!port.name().empty()) CheckDNS1123Label(errors, path.Child("name"), port.name());
  if (!names.insert(port.name()).second) errors.Duplicate(path.Child("name"), port.name());
  if (!port.has_protocol()) {
    errors.Required(path.Child("protocol"));
  } else {
    CheckOneOf(errors, path.Child("protocol"), port.protocol(), kProtocols);
  }
  if (port.has_appprotocol()) {
    CheckQualifiedName(errors, path.Child("appProtocol"), port.appprotocol());
  }
}

}  // namespace

ErrorList ValidateEndpointSlice(const EndpointSlice& slice) {
  ErrorList errors;
  CheckRequiredOneOf(errors, FieldPath("addressType"), slice.addresstype(), kAddressTypes);
  FieldPath endpoints("endpoints");
  if (slice.endpoints_size() > kEndpointsMax) {
    errors.TooMany(endpoints, slice.endpoints_size(), kEndpointsMax);
  } else {
    for (int i = 0; i < slice.endpoints_size(); ++i) {
      ValidateEndpoint(slice.endpoints(i), slice.addresstype(), endpoints.Index(i), errors);
    }
  }
  FieldPath ports("ports");
  if (slice.ports_size() > kPortsMax) {
    errors.TooMany(ports, slice.ports_size(), kPortsMax);
    return errors;
  }
  std::set<std::string_view> names;
  for (int i = 0; i < slice.ports_size(); ++i) {
    ValidatePort(slice.ports(i), names, ports.Index(i), errors);
  }
  return errors;
}

}  // namespace wherry::apiserver::registry::discovery
